import { describe, expect, test } from '@jest/globals'
import { describe as describeTimes } from '../../report/distribution.ts'
import { Histogram } from '../../report/histogram.ts'
import { histogramTable, percentileSteps } from './histogram-table.ts'

/** 1 ms, 2 ms … */
function milliseconds(count: number) {
  const histogram = new Histogram()
  for (let ms = 1; ms <= count; ms++) histogram.record(ms)
  return histogram
}

describe('figures of a distribution', () => {
  test('percentiles are exact to three digits', () => {
    const { count, min, mean, percentiles, max } = describeTimes(milliseconds(1_000))
    const near = (ms: number) => [ms * 0.999, ms * 1.001] as const
    expect(count).toBe(1_000)
    const expected = [
      [min, 1],
      [mean, 500.5],
      [max, 1_000],
      [percentiles.p50, 500],
      [percentiles.p99, 990],
      [percentiles['p99.9'], 999],
    ] as const
    for (const [actual, ms] of expected) {
      expect(actual).toBeGreaterThanOrEqual(near(ms)[0])
      expect(actual).toBeLessThanOrEqual(near(ms)[1])
    }
  })

  test('without values are null', () => {
    expect(describeTimes(new Histogram())).toMatchObject({
      count: 0,
      min: null,
      mean: null,
      max: null,
      percentiles: { p50: null },
    })
  })
})

describe('the table for the plotter', () => {
  test('has five steps for each halving of the distance to 100%', () => {
    expect(percentileSteps(4)).toEqual([0, 10, 20, 30, 40, 50, 55, 60, 65, 70, 75, 100])
    expect(percentileSteps(0)).toEqual([])
  })

  test('combines several histograms', () => {
    const lines = histogramTable([milliseconds(4), new Histogram(), milliseconds(4)]).split('\n')
    expect(lines[2]?.trim().split(/\s+/)).toEqual(['1.000', '0.000000000000', '1', '1.00'])
    expect(lines.filter(line => !line.startsWith('#')).at(-2)).toMatch(/^ +4\.\d{3} 1\.000000000000 +8$/)
    expect(lines.at(-2)).toMatch(/^#\[Max {5}= {8}4\.\d{3}, Total count {4}= {12}8\]$/)
  })
})
