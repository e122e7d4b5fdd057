import { nonZero, type TargetCounters } from '../../counters.ts'
import type { Observer } from '../../observer.ts'
import { Histogram } from '../../report/histogram.ts'
import { round } from '../../round.ts'
import { type SavedDistribution, save } from './saved-distribution.ts'

/** What was measured of one target. */
export interface Measurement {
  /** From the start to the last reply. */
  readonly elapsedMs: number
  readonly answered: number
  readonly failed: number
  readonly failures: Readonly<Record<string, number>>
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly latencyMs: { readonly fromIntendedStart: SavedDistribution; readonly fromSend: SavedDistribution }
  /** Delay of the client itself in starting exchanges; null in a closed loop, which has no schedule. */
  readonly scheduleLagMs: SavedDistribution | null
}

/** Measures the load of one target. Events before `reset` do not count. */
export class Figures implements Observer {
  readonly #fromIntendedStart: Histogram
  readonly #fromSend = new Histogram()
  readonly #lag = new Histogram()
  readonly #openLoop: boolean
  #recent: Histogram | undefined
  #before = { startMs: Number.NaN, exchanges: 0, failures: {} as Record<string, number>, sentBytes: 0, receivedBytes: 0 }

  constructor(openLoop: boolean) {
    this.#openLoop = openLoop
    // In a closed loop, an exchange is sent at its intended start: one histogram serves both.
    this.#fromIntendedStart = openLoop ? new Histogram() : this.#fromSend
  }

  phase(): void {}

  outage(): void {}

  exchange(durationMs: number, count: number): void {
    if (this.#openLoop) this.#fromIntendedStart.record(durationMs, count)
    this.#recent?.record(durationMs, count)
  }

  roundTrip(durationMs: number, count: number): void {
    this.#fromSend.record(durationMs, count)
  }

  scheduleLag(lagMs: number): void {
    this.#lag.record(lagMs)
  }

  /** Starts the measurement. */
  reset(counters: TargetCounters): void {
    for (const histogram of [this.#fromIntendedStart, this.#fromSend, this.#lag]) histogram.reset()
    const { exchanges, exchangeFailures } = counters
    this.#before = { startMs: performance.now(), exchanges, failures: { ...exchangeFailures }, ...counters.bytes() }
  }

  /** Returns the latencies since the last call. None are kept before the first call. */
  takeRecent(): Histogram {
    const recent = this.#recent ?? new Histogram()
    this.#recent = new Histogram()
    return recent
  }

  /** Ends the measurement. @returns a function that describes it, which takes time */
  close(counters: TargetCounters): () => Measurement {
    const { failures, failed, exchanges } = this.#since(counters)
    const { sentBytes, receivedBytes } = counters.bytes()
    const totals = {
      elapsedMs: round(performance.now() - this.#before.startMs),
      answered: exchanges - failed,
      failed,
      failures,
      sentBytes: sentBytes - this.#before.sentBytes,
      receivedBytes: receivedBytes - this.#before.receivedBytes,
    }
    return () => ({
      ...totals,
      latencyMs: { fromIntendedStart: save(this.#fromIntendedStart), fromSend: save(this.#fromSend) },
      scheduleLagMs: this.#openLoop ? save(this.#lag) : null,
    })
  }

  #since({ exchanges, exchangeFailures }: TargetCounters) {
    const before = this.#before.failures
    const since = Object.entries(exchangeFailures).map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const)
    const failures = nonZero(Object.fromEntries(since))
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0)
    return { failures, failed, exchanges: exchanges - this.#before.exchanges }
  }
}
