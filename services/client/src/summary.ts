import { LatencyBuckets } from '@nihao/service'
import type { TargetCounters } from './counters.ts'
import type { FailureReason } from './failure.ts'
import { round } from './round.ts'

/** The results of a target since the last log line about them. */
export class Summary {
  readonly #counters: TargetCounters
  readonly #roundTrips = new LatencyBuckets()
  #exchanges = 0
  #failures = 0

  constructor(counters: TargetCounters) {
    this.#counters = counters
  }

  record(roundTripMs: number): void {
    this.#roundTrips.record(roundTripMs)
  }

  /**
   * Returns the results and begins anew. Percentiles are at most 3.2 % off, the maximum is exact.
   * @param failing why the last exchange failed; undefined if it succeeded
   */
  take(failing: FailureReason | undefined): object {
    const { exchanges, connections } = this.#counters
    const failures = this.#counters.failures()
    const summary = {
      connections: connections.size,
      exchanges: exchanges - this.#exchanges,
      failures: failures - this.#failures,
      ...(this.#roundTrips.count > 0 && { roundTripMs: this.#takeRoundTrips() }),
      ...(failing && { failing }),
    }
    this.#exchanges = exchanges
    this.#failures = failures
    return summary
  }

  #takeRoundTrips(): object {
    const [p50, p99, max] = [0.5, 0.99, 1].map(share => round(this.#roundTrips.percentile(share)))
    this.#roundTrips.clear()
    return { p50, p99, max }
  }
}
