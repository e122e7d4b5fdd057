/** A period in which the event loop did not run, on the monotonic clock, ms. */
export interface Stall {
  readonly endMs: number
  readonly durationMs: number
}

/** Interval between clock checks, ms, and thus the error of a stall's duration. Twenty wake-ups a second cost about 0.2 % of a core. */
const INTERVAL_MS = 50

/** Timers fire a few milliseconds late on any busy machine. */
const MIN_STALL_MS = 10

/** Maximum number of recent stalls kept. */
const MAX_STALLS = 1_000

/**
 * Detects periods in which the event loop of this process did not run: it was blocked by its own work, stopped by a signal, or starved
 * of CPU time. All three look the same from inside: a timer fires late.
 */
export class EventLoopMonitor {
  readonly #now: () => number
  #stalls: Stall[] = []
  #expectedMs: number
  #timer: NodeJS.Timeout | undefined
  #recentStallMs = 0

  constructor(now = () => performance.now()) {
    this.#now = now
    this.#expectedMs = now() + INTERVAL_MS
  }

  start(): void {
    this.#expectedMs = this.#now() + INTERVAL_MS
    this.#timer = setInterval(() => this.check(), INTERVAL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Checks the clock. Called by the timer, and by tests with their own clock. */
  check(): void {
    const nowMs = this.#now()
    const lateMs = nowMs - this.#expectedMs
    this.#expectedMs = nowMs + INTERVAL_MS
    if (lateMs < MIN_STALL_MS) return
    this.#stalls.push({ endMs: nowMs, durationMs: lateMs })
    if (this.#stalls.length > MAX_STALLS) this.#stalls = this.#stalls.slice(-MAX_STALLS / 2)
    this.#recentStallMs = lateMs
    // The event loop polls sockets between timers and immediates: data read in that phase was delayed by this stall.
    setImmediate(() => {
      this.#recentStallMs = 0
    })
  }

  /** Duration of the stall that delayed the bytes being read now, ms; 0 = none. */
  get recentStallMs(): number {
    // A process that was stopped while waiting for data reads the data before its timers run.
    const overdueMs = this.#now() - this.#expectedMs
    return Math.max(this.#recentStallMs, overdueMs < MIN_STALL_MS ? 0 : overdueMs)
  }

  /** Total duration of stalls in a period, ms. An ongoing stall counts up to now. */
  stalledMs(sinceMs: number, untilMs = Number.POSITIVE_INFINITY): number {
    const nowMs = this.#now()
    const within = ({ endMs, durationMs }: Stall) => Math.max(0, Math.min(endMs, untilMs) - Math.max(endMs - durationMs, sinceMs))
    const currentMs = nowMs - this.#expectedMs
    let totalMs = currentMs >= MIN_STALL_MS ? within({ endMs: nowMs, durationMs: currentMs }) : 0
    for (let index = this.#stalls.length - 1; index >= 0; index--) {
      const stall = this.#stalls[index] as Stall
      if (stall.endMs <= sinceMs) break
      totalMs += within(stall)
    }
    return totalMs
  }
}
