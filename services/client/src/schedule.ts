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
    const { intervalMs, tooLateMs, tick, skipped } = this.#options
    const tooLate = Math.ceil((nowMs - tooLateMs - this.dueMs) / intervalMs)
    if (tooLate > 0) {
      this.#next += tooLate
      skipped(tooLate)
    }
    for (let intendedMs = this.dueMs; this.#running && intendedMs <= nowMs; intendedMs = this.dueMs) {
      tick(intendedMs, this.#next++)
    }
  }
}
