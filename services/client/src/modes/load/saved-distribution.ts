import { type Distribution, describe } from '../../report/distribution.ts'
import { Histogram } from '../../report/histogram.ts'

/** A distribution with its histogram, so that it can be merged with others. */
export interface SavedDistribution extends Distribution {
  /** Counts of a histogram's buckets; docs/load-report.schema.json describes them. */
  readonly buckets: string
}

export const save = (histogram: Histogram): SavedDistribution => ({ ...describe(histogram), buckets: String(histogram) })

/** @throws if the distribution is invalid */
export function restore(saved: SavedDistribution): Histogram {
  const histogram = Histogram.parse(saved.buckets, saved)
  if (histogram === undefined) throw new Error('invalid buckets')
  return histogram
}

/** The distribution of the values of all distributions. */
export function mergeDistributions(distributions: readonly SavedDistribution[]): SavedDistribution {
  const sum = new Histogram()
  for (const distribution of distributions) sum.add(restore(distribution))
  return save(sum)
}
