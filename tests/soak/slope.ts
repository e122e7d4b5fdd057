/** A figure at a time. */
export interface Sample {
  readonly seconds: number
  readonly value: number
}

/** The growth of a figure per second, with its standard error. */
export interface Slope {
  readonly perSecond: number
  readonly standardError: number
}

/** Neighbouring samples resemble each other: the means of this many blocks are nearly independent. */
const BLOCKS = 20

/** Fits a line to the means of successive blocks by least squares. NaN with fewer than three blocks. */
export function slopeOf(samples: readonly Sample[]): Slope {
  const size = Math.max(1, Math.ceil(samples.length / BLOCKS))
  const blocks: Sample[] = []
  for (let start = 0; start < samples.length; start += size) {
    const block = samples.slice(start, start + size)
    blocks.push({ seconds: mean(block.map(({ seconds }) => seconds)), value: mean(block.map(({ value }) => value)) })
  }
  const [meanSeconds, meanValue] = [mean(blocks.map(({ seconds }) => seconds)), mean(blocks.map(({ value }) => value))]
  const spread = sum(blocks.map(({ seconds }) => (seconds - meanSeconds) ** 2))
  const perSecond = sum(blocks.map(({ seconds, value }) => (seconds - meanSeconds) * (value - meanValue))) / spread
  const residuals = blocks.map(({ seconds, value }) => value - meanValue - perSecond * (seconds - meanSeconds))
  const standardError = Math.sqrt(sum(residuals.map(residual => residual ** 2)) / (blocks.length - 2) / spread)
  return blocks.length < 3 ? { perSecond: Number.NaN, standardError: Number.NaN } : { perSecond, standardError }
}

/** True unless a figure grows by more than this share of its mean in the time of its samples, and not by chance. */
export function isFlat(samples: readonly Sample[], toleratedShare: number): boolean {
  const { perSecond, standardError } = slopeOf(samples)
  const seconds = (samples.at(-1)?.seconds ?? 0) - (samples[0]?.seconds ?? 0)
  const tolerated = toleratedShare * mean(samples.map(({ value }) => value))
  return (perSecond - 2 * standardError) * seconds <= tolerated
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
export const mean = (values: readonly number[]) => sum(values) / values.length
