import { FloodLog, type Logger } from '@nihao/service'

/** One thing that happened to one session. */
export interface SessionEvent {
  readonly level: 'info' | 'warn'
  /** What the line says, and what it says of many. */
  readonly message: string
  readonly messageOfMany: string
  /** What events must have in common to be summed up. */
  readonly kind: Readonly<Record<string, string>>
  /** Added up. */
  readonly counts?: Readonly<Record<string, number>>
  /** Of many, the longest is told. */
  readonly durationMs?: number
  /** Told only of single events. */
  readonly details?: object
}

/** Sessions that say the same within a second: from this many on they are summed up. A thousand lose their server at once. */
const SINGLES = 10
const WINDOW_MS = 1_000

/** What the sessions of one target have to tell. */
export class TargetLog {
  readonly #log: FloodLog<SessionEvent>

  constructor(logger: Logger) {
    this.#log = new FloodLog({
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
  }

  add(event: SessionEvent): void {
    this.#log.add([event.message, ...Object.values(event.kind)].join(' '), event)
  }

  /** Writes what is still held back for its sum. */
  flush(): void {
    this.#log.flush()
  }
}

function add(sum: SessionEvent, event: SessionEvent): SessionEvent {
  const counts = Object.entries(event.counts ?? {}).map(([name, count]) => [name, count + (sum.counts?.[name] ?? 0)])
  const durationMs = Math.max(sum.durationMs ?? 0, event.durationMs ?? 0)
  return { ...event, counts: Object.fromEntries(counts), ...(event.durationMs !== undefined && { durationMs }) }
}
