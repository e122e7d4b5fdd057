import type { ArrivalsName } from '../../settings.ts'
import { connectionsOf, exchangeNumber, type Share, WHOLE } from './share.ts'

/** An open loop. */
export interface OpenLoop {
  readonly arrivals: ArrivalsName
  /** Per second. */
  readonly rate: number
  readonly connections: number
}

/**
 * The start times of the exchanges of an open loop that a thread makes, in ms from its start; each call returns the next one.
 * `fixed`: the nth of all threads is n / rate, without accumulated rounding errors. `poisson`: the gaps are exponentially distributed, as
 * between many independent users; several such processes are one with the sum of their rates.
 * @param random returns numbers in [0, 1)
 */
export function arrivalTimes(
  { arrivals, rate, connections }: OpenLoop,
  share: Share = WHOLE,
  random = Math.random,
): () => number {
  let count = 0
  let timeMs = 0
  switch (arrivals) {
    case 'fixed':
      return () => (exchangeNumber(count++, connections, share) * 1_000) / rate
    case 'poisson': {
      const ownRate = (rate * connectionsOf(connections, share)) / connections
      return () => {
        timeMs += (-Math.log(1 - random()) * 1_000) / ownRate
        return timeMs
      }
    }
  }
}
