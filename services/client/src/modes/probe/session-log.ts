import { FloodLog, type Logger } from '@nihao/service'

/** One event of one session. */
export interface SessionEvent {
  readonly level: 'info' | 'warn'
  /** The log message, for one event and for many that are summed up. */
  readonly message: string
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

/** The log of all sessions of one target. */
export class SessionLog {
  readonly #log: FloodLog<SessionEvent>
  readonly #details: object

  private constructor(log: FloodLog<SessionEvent>, details: object) {
    this.#log = log
    this.#details = details
  }

  static to(logger: Logger): SessionLog {
    const log = new FloodLog<SessionEvent>({
      singles: SINGLES,
      windowMs: WINDOW_MS,
      log: ({ level, message, kind, counts, durationMs, details }) =>
        logger[level]({ ...kind, ...(durationMs !== undefined && { durationMs }), ...counts, ...details }, message),
      logSummary: ({ level, messageOfMany, kind, counts, durationMs }, sessions, windowMs) =>
        logger[level](
          { ...kind, sessions, ...(durationMs !== undefined && { longestMs: durationMs }), ...counts, windowMs },
          messageOfMany,
        ),
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
