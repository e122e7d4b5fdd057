import type { EventField } from '@nihao/service'

/** The kinds of events on `/events`. */
export const clientEventKinds = [
  'outage_began',
  'outage_over',
  'outage_not_over',
  'reconnected',
  'handover',
  'exchanges_skipped',
  'counters_differ',
  'certificates_loaded',
  'certificate_expires_soon',
  'certificate_reload_failed',
] as const
export type ClientEventKind = (typeof clientEventKinds)[number]

export type EventFields = Readonly<Record<string, EventField>>
