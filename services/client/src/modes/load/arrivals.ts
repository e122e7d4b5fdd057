import type { ArrivalsName } from '../../settings.ts'

/**
 * The times at which an open loop starts its exchanges, in ms from its beginning: each call gives the next one.
 * `fixed`: the n-th is n / rate, computed anew each time, so that no rounding adds up over a million of them. `poisson`: the gaps are
 * exponentially distributed, as those between many users who know nothing of each other.
 * @param random gives numbers from 0 to below 1
 */
export function arrivalTimes(arrivals: ArrivalsName, ratePerSecond: number, random = Math.random): () => number {
  let count = 0
  let timeMs = 0
  switch (arrivals) {
    case 'fixed':
      return () => (count++ * 1_000) / ratePerSecond
    case 'poisson':
      return () => {
        timeMs += (-Math.log(1 - random()) * 1_000) / ratePerSecond
        return timeMs
      }
  }
}
