/**
 * Calls `tick` at fixed points of time, whatever became of the ticks before: the n-th one belongs to `start + n × interval`, and no delay
 * shifts those that follow. What the event loop missed is made up for at once, with the time that was intended, unless it
 * is older than `tooLateMs`: that is given to `skipped` as a number.
 */
export class Schedule {
  readonly #intervalMs: number
  readonly #tooLateMs: number
  readonly #tick: (intendedMs: number) => void
  readonly #skipped: (ticks: number) => void
  #startMs = 0
  #next = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: {
    intervalMs: number
    tooLateMs: number
    tick: (intendedMs: number) => void
    skipped: (ticks: number) => void
  }) {
    this.#intervalMs = options.intervalMs
    this.#tooLateMs = options.tooLateMs
    this.#tick = options.tick
    this.#skipped = options.skipped
  }

  /** The first tick comes `offsetMs` from now. */
  start(offsetMs: number): void {
    this.#startMs = performance.now() + offsetMs
    this.#arm()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #intendedMs(): number {
    return this.#startMs + this.#next * this.#intervalMs
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#intendedMs() - performance.now()))
  }

  #run(): void {
    const nowMs = performance.now()
    const tooLate = Math.ceil((nowMs - this.#tooLateMs - this.#intendedMs()) / this.#intervalMs)
    if (tooLate > 0) {
      this.#next += tooLate
      this.#skipped(tooLate)
    }
    for (let intendedMs = this.#intendedMs(); intendedMs <= nowMs; intendedMs = this.#intendedMs()) {
      this.#next++
      this.#tick(intendedMs)
    }
    this.#arm()
  }
}
