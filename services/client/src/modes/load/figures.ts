import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { nonZero, type TargetCounters } from '../../counters.ts'
import { type Distribution, describe, record, round } from '../../report/distribution.ts'
import type { Observer } from '../../statistics.ts'

/** The results of one target during the measurement. */
export interface TargetFigures {
  /** From the start to the last reply; in an open loop at least as long as the schedule. */
  readonly elapsedMs: number
  readonly answered: number
  readonly failed: number
  readonly failures: Readonly<Record<string, number>>
  /** Answered exchanges per second; null if no time was measured. */
  readonly ratePerSecond: number | null
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly latencyMs: { readonly fromIntendedStart: Distribution; readonly fromSend: Distribution }
  /** Delay of the client itself in starting exchanges; null in a closed loop, which has no schedule. */
  readonly scheduleLagMs: Distribution | null
}

/** Measures the load of one target. Events before `reset` do not count. */
export class Figures implements Observer {
  readonly fromIntendedStart: RecordableHistogram
  readonly #fromSend = createHistogram()
  readonly #lag = createHistogram()
  readonly #openLoop: boolean
  #recent: RecordableHistogram | undefined
  #before = { startMs: Number.NaN, exchanges: 0, failures: {} as Record<string, number>, sentBytes: 0, receivedBytes: 0 }

  constructor(openLoop: boolean) {
    this.#openLoop = openLoop
    // In a closed loop, an exchange is sent at its intended start: one histogram serves both.
    this.fromIntendedStart = openLoop ? createHistogram() : this.#fromSend
  }

  phase(): void {}
  outage(): void {}

  exchange(durationMs: number): void {
    if (this.#openLoop) record(this.fromIntendedStart, durationMs)
    if (this.#recent !== undefined) record(this.#recent, durationMs)
  }

  roundTrip(durationMs: number): void {
    record(this.#fromSend, durationMs)
  }

  scheduleLag(lagMs: number): void {
    record(this.#lag, lagMs)
  }

  /** Starts the measurement. */
  reset(counters: TargetCounters): void {
    for (const histogram of [this.fromIntendedStart, this.#fromSend, this.#lag]) histogram.reset()
    const { exchanges, exchangeFailures } = counters
    this.#before = { startMs: performance.now(), exchanges, failures: { ...exchangeFailures }, ...counters.bytes() }
  }

  /** Adds the latencies since the last call to a histogram. None are kept before the first call. */
  takeRecent(into: RecordableHistogram): void {
    this.#recent ??= createHistogram()
    if (this.#recent.count > 0) into.add(this.#recent)
    this.#recent.reset()
  }

  /** Ends the measurement. @param scheduledMs the scheduled duration: a rate over a shorter time would be too high */
  close(counters: TargetCounters, scheduledMs: number): TargetFigures {
    const elapsedMs = Math.max(performance.now() - this.#before.startMs, scheduledMs)
    const { failures, failed, exchanges } = this.#since(counters)
    const { sentBytes, receivedBytes } = counters.bytes()
    const answered = exchanges - failed
    return {
      elapsedMs: round(elapsedMs),
      answered,
      failed,
      failures,
      ratePerSecond: exchanges === 0 ? null : round((answered * 1_000) / elapsedMs),
      sentBytes: sentBytes - this.#before.sentBytes,
      receivedBytes: receivedBytes - this.#before.receivedBytes,
      latencyMs: { fromIntendedStart: describe(this.fromIntendedStart), fromSend: describe(this.#fromSend) },
      scheduleLagMs: this.#openLoop ? describe(this.#lag) : null,
    }
  }

  #since({ exchanges, exchangeFailures }: TargetCounters) {
    const before = this.#before.failures
    const since = Object.entries(exchangeFailures).map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const)
    const failures = nonZero(Object.fromEntries(since))
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0)
    return { failures, failed, exchanges: exchanges - this.#before.exchanges }
  }
}
