/** A period in which the event loop did not run, on the monotonic clock, ms. */
export interface Stall {
  readonly endMs: number
  readonly durationMs: number
}

/** Time between two looks at the clock, ms: what a stall's length can be wrong by. At 40 wake-ups a second the cost is 0.1 % of a core. */
const INTERVAL_MS = 25

/** Timers fire late by a few milliseconds on any machine that has other work. */
const MIN_STALL_MS = 10

/** Stalls that are remembered. */
const MAX_STALLS = 1_000

/**
 * Notices when the event loop of this process stood still: blocked by its own work, stopped by a signal, or starved of CPU time. All
 * three look alike from inside: a timer that fires late.
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
    // Timers run before the event loop looks at sockets: a stall is noticed before the bytes that came in meanwhile are read.
    this.#timer = setInterval(() => this.check(), INTERVAL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Looks at the clock. The timer does this; a test with a clock of its own calls it. */
  check(): void {
    const nowMs = this.#now()
    const lateMs = nowMs - this.#expectedMs
    this.#expectedMs = nowMs + INTERVAL_MS
    if (lateMs < MIN_STALL_MS) return
    this.#stalls.push({ endMs: nowMs, durationMs: lateMs })
    if (this.#stalls.length > MAX_STALLS) this.#stalls = this.#stalls.slice(-MAX_STALLS / 2)
    this.#recentStallMs = lateMs
    // Sockets are looked at once between a timer and the immediates: what is read then was held up by this stall.
    setImmediate(() => {
      this.#recentStallMs = 0
    })
  }

  /** The stall that held up the bytes which are being read now, ms; 0 where there was none. */
  get recentStallMs(): number {
    return this.#recentStallMs
  }

  /** How long the event loop stood still from `sinceMs` on, ms. A stall that has not ended yet counts up to now. */
  stalledMs(sinceMs: number): number {
    const nowMs = this.#now()
    const currentMs = nowMs - this.#expectedMs
    let totalMs = currentMs >= MIN_STALL_MS ? Math.min(currentMs, nowMs - sinceMs) : 0
    for (let index = this.#stalls.length - 1; index >= 0; index--) {
      const { endMs, durationMs } = this.#stalls[index] as Stall
      if (endMs <= sinceMs) break
      totalMs += Math.min(durationMs, endMs - sinceMs)
    }
    return totalMs
  }
}
