import { describe, expect, test } from '@jest/globals'
import { connectionsOf, exchangeNumber, exchangesOf, type Share } from './share.ts'

const shares = (threads: number): Share[] => Array.from({ length: threads }, (_, thread) => ({ thread, threads }))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe.each([
  [1, 1],
  [1, 2],
  [2, 2],
  [5, 2],
  [7, 3],
  [64, 5],
])('%i connections on %i threads', (connections, threads) => {
  const counts = [0, 1, 2, 3, connections - 1, connections, connections + 1, 999, 1_000]

  test('are divided without a remainder, as evenly as possible', () => {
    const parts = shares(threads).map(share => connectionsOf(connections, share))
    expect(sum(parts)).toBe(connections)
    expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1)
  })

  test.each(counts)('make exactly %i exchanges', count => {
    expect(sum(shares(threads).map(share => exchangesOf(count, connections, share)))).toBe(count)
  })

  test('make the same exchanges as one thread, each once', () => {
    const numbers = shares(threads)
      .filter(share => connectionsOf(connections, share) > 0)
      .flatMap(share =>
        Array.from({ length: exchangesOf(1_000, connections, share) }, (_, nth) => exchangeNumber(nth, connections, share)),
      )
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, number) => number))
  })
})
