import { createHistogram } from 'node:perf_hooks'
import { describe, expect, test } from '@jest/globals'
import { describe as describeDurations } from './distribution.ts'
import { Histogram } from './histogram.ts'

const histogramOf = (values: readonly number[]) => {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

/** Reproducible values from a nanosecond to minutes. */
function durations(count: number, seed: number): number[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return 10 ** ((state / 2 ** 31) * 11 - 6)
  })
}

describe('a histogram', () => {
  test('has the percentiles that Node has, to one part in 1,000', () => {
    const values = durations(10_000, 1)
    const ours = histogramOf(values)
    const node = createHistogram()
    for (const value of values) node.record(Math.max(1, Math.round(value * 1e6)))
    for (const percentile of [1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100]) {
      const [actual, expected] = [ours.percentile(percentile), node.percentile(percentile) / 1e6]
      // Node counts whole nanoseconds.
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(expected / 500 + 1e-6)
    }
    expect([ours.count, ours.min, ours.max]).toEqual([10_000, Math.min(...values), Math.max(...values)])
    expect(ours.mean).toBeCloseTo(node.mean / 1e6, 0)
    expect(ours.stddev / (node.stddev / 1e6)).toBeCloseTo(1, 2)
  })

  test.each([0, 1e-9, 2 ** -20, 1, 1.0009, 2 ** 31 - 1, 2 ** 32])('has a single value exactly: %d ms', value => {
    expect(histogramOf([value]).percentile(50)).toBe(value)
  })

  test.each([-1, 1e12, Number.POSITIVE_INFINITY, Number.NaN])('counts a value out of its range: %d ms', value => {
    expect(String(histogramOf([value]))).toMatch(/^(0|53247):1$/)
  })

  test('has the buckets of its documentation', () => {
    // 5 ms = 2^2 × 1.25, and the first exponent is -20.
    expect(String(histogramOf([5, 5.003, 5.004, 0]))).toBe(`0:1 ${22 * 1_024 + 256}:2 ${22 * 1_024 + 257}:1`)
  })

  test('of several is that of all their values, also after it was saved', () => {
    const [first, second] = [durations(5_000, 2), durations(3_000, 3)]
    const saved = histogramOf(second)
    const restored = Histogram.parse(String(saved), describeDurations(saved))
    const merged = histogramOf(first)
    merged.add(restored as Histogram)
    merged.add(new Histogram())
    const union = histogramOf([...first, ...second])
    expect(String(merged)).toBe(String(union))
    expect(describeDurations(merged)).toEqual({ ...describeDurations(union), mean: expect.closeTo(union.mean, 2) })
  })

  test('is empty after a reset', () => {
    const histogram = histogramOf([1, 2])
    histogram.reset()
    expect([String(histogram), describeDurations(histogram)]).toEqual(['', describeDurations(new Histogram())])
    expect(Histogram.parse('', describeDurations(histogram))?.count).toBe(0)
  })

  test.each([
    ['text', '1:1 and', 1],
    ['a bucket that does not exist', '53248:1', 1],
    ['counts that do not add up', '1:1 2:1', 3],
  ])('is not restored from %s', (_, buckets, count) => {
    expect(Histogram.parse(buckets, { count, min: 1, mean: 1, max: 1 })).toBeUndefined()
  })
})
