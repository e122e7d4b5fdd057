import { type Alarm, sharedTicker, type Ticker } from './ticker.ts'

export interface ScheduleOptions {
  readonly intervalMs: number
  readonly tooLateMs: number
  /** @param index of the tick, from 0, including skipped ticks */
  readonly tick: (intendedMs: number, index: number) => void
  readonly skipped: (ticks: number) => void
}

/**
 * Calls `tick` at fixed times: the nth tick is due at `start + n × interval`, and delays do not shift later ticks. Ticks missed by a busy
 * event loop are caught up immediately, with their intended times; those more than `tooLateMs` late are reported to `skipped` instead.
 */
export class Schedule implements Alarm {
  readonly #options: ScheduleOptions
  readonly #ticker: Pick<Ticker, 'add' | 'remove'>
  #startMs = 0
  #next = 0
  #running = false

  constructor(options: ScheduleOptions, ticker: Pick<Ticker, 'add' | 'remove'> = sharedTicker()) {
    this.#options = options
    this.#ticker = ticker
  }

  /** The first tick is due `offsetMs` from now. */
  start(offsetMs = 0): void {
    this.#startMs = performance.now() + offsetMs
    this.#running = true
    this.#ticker.add(this)
  }

  stop(): void {
    if (!this.#running) return
    this.#running = false
    this.#ticker.remove(this)
  }

  get dueMs(): number {
    return this.#startMs + this.#next * this.#options.intervalMs
  }

  ring(nowMs: number): void {
    // Ticks that become due meanwhile wait, so that slow ticks do not block the event loop.
    while (this.#running && this.dueMs <= nowMs) {
      if (!this.#skipTooLate(performance.now())) this.#options.tick(this.dueMs, this.#next++)
    }
  }

  #skipTooLate(nowMs: number): boolean {
    const { intervalMs, tooLateMs, skipped } = this.#options
    const ticks = Math.ceil((nowMs - tooLateMs - this.dueMs) / intervalMs)
    if (ticks <= 0) return false
    this.#next += ticks
    skipped(ticks)
    return true
  }
}
