import { type Alarm, sharedTicker } from './ticker.ts'

export interface ScheduleOptions {
  readonly intervalMs: number
  readonly tooLateMs: number
  /** @param index of the tick, from 0; skipped ones count */
  readonly tick: (intendedMs: number, index: number) => void
  readonly skipped: (ticks: number) => void
}

/**
 * Calls `tick` at fixed times: the n-th tick belongs to `start + n × interval`, and no delay shifts those that follow. Ticks that a busy event
 * loop missed are made up for at once, with the time that was intended, unless they are older than `tooLateMs`: those are reported to `skipped`.
 */
export class Schedule implements Alarm {
  readonly #options: ScheduleOptions
  #startMs = 0
  #next = 0
  #running = false

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /** The first tick comes `offsetMs` from now. */
  start(offsetMs = 0): void {
    this.#startMs = performance.now() + offsetMs
    this.#running = true
    sharedTicker().add(this)
  }

  stop(): void {
    if (!this.#running) return
    this.#running = false
    sharedTicker().remove(this)
  }

  get dueMs(): number {
    return this.#startMs + this.#next * this.#options.intervalMs
  }

  ring(nowMs: number): void {
    // Not the ticks that become due meanwhile: slow ticks must not keep the event loop from everything else.
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
