import type { ProtocolName } from '@nihao/wire'
import type { ClientEventKind, EventFields } from './client-events.ts'
import type { Phase } from './connect/connector.ts'
import type { OutageReport } from './outages/outage-report.ts'
import type { ServerTimesObserver } from './server-times.ts'

/** Records measurements; durations in ms. */
export interface Observer {
  phase(phase: Phase, durationMs: number): void
  /** @param count how many exchanges had this duration: 1, except in a load */
  exchange(durationMs: number, count: number): void
  roundTrip(durationMs: number, count: number): void
  scheduleLag(lagMs: number): void
  outage(outage: OutageReport): void
  /** Something that happened, for `/events`. */
  readonly event?: ((kind: ClientEventKind, fields: EventFields) => void) | undefined
  /** Without this, nobody looks at the times in PONGs. */
  readonly serverTimes?: ServerTimesObserver | undefined
}

/** Makes the observer of a target. */
export type NewObserver = (target: string, protocol: ProtocolName) => Observer
