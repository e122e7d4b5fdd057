import { expect, test } from '@jest/globals'
import { LatencyBuckets } from './latency-buckets.ts'

/** Half a bucket, which is a sixteenth of its lower bound or one microsecond. */
const maxErrorMs = (ms: number) => Math.max(ms / 32, 0.000_5)

/** Durations from 5 µs to a minute, ms: the same ones in every run. */
function durations(count: number): number[] {
  let state = 1
  return Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647
    return 0.005 * 12_000_000 ** (state / 2_147_483_647)
  })
}

function bucketsOf(values: readonly number[]): LatencyBuckets {
  const buckets = new LatencyBuckets()
  for (const value of values) buckets.record(value)
  return buckets
}

const exact = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] as number

test.each([1, 2, 10, 100, 1_000, 100_000])(
  'percentiles of %s durations are those of the sorted durations within 3.2 %%',
  count => {
    const values = durations(count)
    const buckets = bucketsOf(values)
    for (const share of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
      const expected = exact(values, share)
      expect(Math.abs(buckets.percentile(share) - expected)).toBeLessThanOrEqual(maxErrorMs(expected))
    }
    expect(buckets.percentile(0)).toBe(Math.min(...values))
    expect(buckets.percentile(1)).toBe(Math.max(...values))
  },
)

test('the sum of two has the percentiles of all durations, and stays as it is when one of them is cleared', () => {
  const [some, others] = [durations(5_000), durations(10_000).slice(5_000)]
  const sum = bucketsOf(some)
  const added = bucketsOf(others)
  sum.add(added)
  added.clear()
  const all = bucketsOf([...some, ...others])
  expect(sum.count).toBe(10_000)
  for (const share of [0, 0.01, 0.5, 0.99, 1]) expect(sum.percentile(share)).toBe(all.percentile(share))
  expect(added.percentile(0.5)).toBeNaN()
  added.record(3)
  expect(added.percentile(0.5)).toBe(3)
})

test.each([0, 0.0004, 0.0159, 0.016, 134_217.7, 1_000_000])('%s ms alone is every percentile', durationMs => {
  const buckets = bucketsOf([durationMs])
  expect([0, 0.01, 0.5, 0.99, 1].map(share => buckets.percentile(share))).toEqual(Array(5).fill(durationMs))
  expect(bucketsOf([durationMs, durationMs, durationMs]).percentile(0.5)).toBe(durationMs)
})
