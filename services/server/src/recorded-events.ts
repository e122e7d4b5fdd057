import { EventLog, FloodLog } from '@nihao/service'
import type { ServerEvents } from './events.ts'
import { describeFaults } from './faults/faults.ts'
import type { Relief } from './limits/buffer-budget.ts'

/** The kinds of events on `/events`. */
export const serverEventKinds = [
  'connections_rejected',
  'slow_readers',
  'buffer_limit_exceeded',
  'certificates_loaded',
  'certificate_expires_soon',
  'certificate_reload_failed',
  'draining',
  'faults_enabled',
] as const
export type ServerEventKind = (typeof serverEventKinds)[number]

/** Peers cause these events: the first one of a kind is recorded at once, the others are summed up. */
const FLOOD_WINDOW_MS = 60_000

/** Records the events that `/events` shows. */
export function recordEvents(events: ServerEvents): EventLog<ServerEventKind> {
  const log = new EventLog(serverEventKinds)
  const rejections = connectionsLog((listener, reason, connections) =>
    log.add('connections_rejected', listener, { reason, connections }),
  )
  const slowReaders = connectionsLog((listener, _, connections) => log.add('slow_readers', listener, { connections }))
  const reliefs = new FloodLog<Relief>({
    singles: 1,
    windowMs: FLOOD_WINDOW_MS,
    log: relief => log.add('buffer_limit_exceeded', undefined, { ...relief }),
    logSummary: (relief, times) => log.add('buffer_limit_exceeded', undefined, { ...relief, times }),
    add: (sum, { terminated }) => ({ ...sum, terminated: sum.terminated + terminated }),
  })

  events.on('listening', listeners => {
    for (const { label, tls, faults } of listeners) {
      if (tls !== undefined) log.add('certificates_loaded', label, { expires: isoTime(tls.expiresAtMs) })
      if (faults !== undefined) log.add('faults_enabled', label, { faults: textOf(describeFaults(faults.settings)) })
    }
  })
  events.on('draining', stage => log.add('draining', undefined, { ...stage }))
  events.on('rejected', ({ label }, _, reason) => rejections.add(`${label} ${reason}`, { listener: label, reason }))
  events.on('bufferLimitExceeded', relief => reliefs.add('', relief))
  events.on('closed', ({ label }, { reason }) => {
    if (reason === 'slow_reader') slowReaders.add(label, { listener: label, reason })
  })
  events.on('certificatesReloaded', ({ label }, expiresAtMs) =>
    log.add('certificates_loaded', label, { expires: isoTime(expiresAtMs) }),
  )
  events.on('certificateExpiresSoon', ({ label }, expiresAtMs) =>
    log.add('certificate_expires_soon', label, { expires: isoTime(expiresAtMs) }),
  )
  events.on('certificateReloadFailed', ({ label }, { message }) =>
    log.add('certificate_reload_failed', label, { error: message }),
  )
  return log
}

interface Ended {
  readonly listener: string
  readonly reason: string
}

function connectionsLog(record: (listener: string, reason: string, connections: number) => void): FloodLog<Ended> {
  return new FloodLog({
    singles: 1,
    windowMs: FLOOD_WINDOW_MS,
    log: ({ listener, reason }) => record(listener, reason, 1),
    logSummary: ({ listener, reason }, connections) => record(listener, reason, connections),
  })
}

/** Such as `delay 200, closeAfter 10 messages`. */
const textOf = (faults: object) =>
  Object.entries(faults)
    .map(([name, value]) =>
      (typeof value === 'object' ? [name, ...(Object.entries(value)[0]?.toReversed() ?? [])] : [name, value]).join(' '),
    )
    .join(', ')

const isoTime = (timeMs: number) => (Number.isNaN(timeMs) ? undefined : new Date(timeMs).toISOString())
