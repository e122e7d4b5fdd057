import { type EventField, FloodLog, type Logger } from '@nihao/service'
import type { ClientEventKind, EventFields } from '../../client-events.ts'

/** The events by the log message of one of them. */
const KINDS = {
  'outage began': 'outage_began',
  'outage over': 'outage_over',
  'outage not over': 'outage_not_over',
  reconnected: 'reconnected',
  handover: 'handover',
  'exchanges skipped: the client is too slow': 'exchanges_skipped',
} as const satisfies Record<string, ClientEventKind>

/** One event of one session. */
export interface SessionEvent {
  readonly level: 'info' | 'warn'
  /** The log message, for one event and for many that are summed up. */
  readonly message: keyof typeof KINDS
  readonly messageOfMany: string
  /** Events are summed up when these are equal. */
  readonly kind: Readonly<Record<string, string>>
  /** Summed up by addition. */
  readonly counts?: Readonly<Record<string, number>>
  /** Summed up by the longest. */
  readonly durationMs?: number
  /** Logged for single events only. */
  readonly details?: object
}

/** Events of a kind that are logged one by one within the window; the others are summed up. A thousand sessions lose their server at once. */
const SINGLES = 10
const WINDOW_MS = 1_000

/** The log of all sessions of one target; its lines are also events. */
export class SessionLog {
  readonly #log: FloodLog<SessionEvent>
  readonly #details: object

  private constructor(log: FloodLog<SessionEvent>, details: object) {
    this.#log = log
    this.#details = details
  }

  static to(logger: Logger, record: (kind: ClientEventKind, fields: EventFields) => void): SessionLog {
    const log = new FloodLog<SessionEvent>({
      singles: SINGLES,
      windowMs: WINDOW_MS,
      log: ({ level, message, kind, counts, durationMs, details }) => {
        const fields = { ...kind, ...(durationMs !== undefined && { durationMs }), ...counts, ...details }
        logger[level](fields, message)
        record(KINDS[message], eventFields(fields))
      },
      logSummary: ({ level, message, messageOfMany, kind, counts, durationMs }, sessions, windowMs) => {
        const fields = { ...kind, sessions, ...(durationMs !== undefined && { longestMs: durationMs }), ...counts, windowMs }
        logger[level](fields, messageOfMany)
        record(KINDS[message], eventFields(fields))
      },
      add,
    })
    return new SessionLog(log, {})
  }

  /** The same log, with these details for the events of some sessions. */
  with(details: object): SessionLog {
    return new SessionLog(this.#log, details)
  }

  add(event: SessionEvent): void {
    const details = { ...this.#details, ...event.details }
    this.#log.add([event.message, ...Object.values(event.kind)].join(' '), { ...event, details })
  }

  /** Logs the sums of the window that is still open. */
  flush(): void {
    this.#log.flush()
  }
}

function add(sum: SessionEvent, event: SessionEvent): SessionEvent {
  const counts = Object.entries(event.counts ?? {}).map(([name, count]) => [name, count + (sum.counts?.[name] ?? 0)])
  const durationMs = Math.max(sum.durationMs ?? 0, event.durationMs ?? 0)
  return { ...event, counts: Object.fromEntries(counts), ...(event.durationMs !== undefined && { durationMs }) }
}

function eventFields(fields: object): EventFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : (value as EventField)]),
  )
}
