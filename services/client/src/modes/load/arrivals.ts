import type { ArrivalsName } from '../../settings.ts'

/**
 * The start times of the exchanges of an open loop, in ms from its start; each call returns the next one.
 * `fixed`: the nth is n / rate, without accumulated rounding errors. `poisson`: the gaps are exponentially distributed, as between many
 * independent users.
 * @param random returns numbers in [0, 1)
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
