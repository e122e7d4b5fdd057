import type { RecordableHistogram } from 'node:perf_hooks'

const NS_PER_MS = 1_000_000

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

/** Records a duration in a histogram of ns. */
export function record(histogram: RecordableHistogram, durationMs: number): void {
  // A histogram records integers from 1.
  histogram.record(Math.max(1, Math.round(durationMs * NS_PER_MS)))
}

/** @param histogram of durations in ns */
export function describe(histogram: RecordableHistogram): Distribution {
  const ms = (ns: number) => (histogram.count === 0 ? null : round(ns / NS_PER_MS))
  return {
    count: histogram.count,
    min: ms(histogram.min),
    mean: ms(histogram.mean),
    percentiles: Object.fromEntries(percentiles.map(percentile => [`p${percentile}`, ms(histogram.percentile(percentile))])),
    max: ms(histogram.max),
  }
}

/** Rounds to the microsecond. */
export const round = (value: number) => Math.round(value * 1_000) / 1_000
