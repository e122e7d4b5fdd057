import { Histogram } from '../../report/histogram.ts'

/** Steps per halving of the distance to 100%, as in HdrHistogram's own output. */
const STEPS_PER_HALF = 5

/**
 * The sum of histograms in HdrHistogram's percentile format, for its plotter:
 * https://hdrhistogram.github.io/HdrHistogram/plotFiles.html
 */
export function histogramTable(histograms: readonly Histogram[]): string {
  const sum = new Histogram()
  for (const histogram of histograms) sum.add(histogram)
  const ms = (value: number) => (sum.count === 0 ? 0 : value).toFixed(3)
  const lines = ['       Value     Percentile TotalCount 1/(1-Percentile)', '']
  for (const percentile of percentileSteps(sum.count)) {
    const value = percentile === 0 ? sum.min : sum.percentile(percentile)
    const share = percentile / 100
    const inverse = percentile === 100 ? '' : (1 / (1 - share)).toFixed(2)
    const count = Math.max(1, Math.ceil(share * sum.count))
    lines.push(`${ms(value).padStart(12)} ${share.toFixed(12)} ${String(count).padStart(10)} ${inverse.padStart(14)}`.trimEnd())
  }
  lines.push(
    `#[Mean    = ${ms(sum.mean).padStart(12)}, StdDeviation   = ${ms(sum.stddev).padStart(12)}]`,
    `#[Max     = ${ms(sum.max).padStart(12)}, Total count    = ${String(sum.count).padStart(12)}]`,
    '',
  )
  return lines.join('\n')
}

/** Percentiles from 0 to 100, in finer steps towards the end, as far as `count` values can distinguish them. */
export function percentileSteps(count: number): number[] {
  if (count === 0) return []
  const steps: number[] = []
  for (let percentile = 0; (1 - percentile / 100) * count >= 1; ) {
    steps.push(percentile)
    const halvings = Math.floor(Math.log2(100 / (100 - percentile)))
    percentile += 100 / (STEPS_PER_HALF * 2 ** (halvings + 1))
  }
  return [...steps, 100]
}
