import { round } from '../round.ts'
import type { Histogram } from './histogram.ts'

/** Percentiles shown in reports. */
export const percentiles = [50, 75, 90, 99, 99.9, 99.99] as const

/** A distribution of durations, in ms; null if nothing was measured. */
export interface Distribution {
  readonly count: number
  readonly min: number | null
  readonly mean: number | null
  /** By name: p50, p99.9 … */
  readonly percentiles: Readonly<Record<string, number | null>>
  readonly max: number | null
}

export function describe(histogram: Histogram): Distribution {
  const ms = (value: number) => (histogram.count === 0 ? null : round(value))
  return {
    count: histogram.count,
    min: ms(histogram.min),
    mean: ms(histogram.mean),
    percentiles: Object.fromEntries(percentiles.map(percentile => [`p${percentile}`, ms(histogram.percentile(percentile))])),
    max: ms(histogram.max),
  }
}
