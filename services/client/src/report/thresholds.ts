/** A limit for a figure of one target, and how its value compares. */
export interface Threshold<Name extends ThresholdName = ThresholdName> {
  readonly name: Name
  readonly target: string
  readonly limit: number
  /** Null where nothing was measured, which does not meet the threshold. */
  readonly actual: number | null
  readonly met: boolean
}

const UNITS = { maxP99: ' ms', maxFailures: '', minRate: '/s', maxOutage: ' ms', maxLost: '' } as const

type ThresholdName = keyof typeof UNITS

/** @returns the threshold, or none where no limit is set */
export function compare<Name extends ThresholdName>(
  name: Name,
  target: string,
  limit: number | null,
  actual: number | null,
): Threshold<Name>[] {
  if (limit === null) return []
  const met = actual !== null && (name.startsWith('min') ? actual >= limit : actual <= limit)
  return [{ name, target, limit, actual, met }]
}

/** A line for people. */
export function describeThreshold({ name, target, limit, actual, met }: Threshold): string {
  const unit = UNITS[name]
  return `${met ? 'met' : 'missed'}  ${name} ${limit}${unit}: ${actual === null ? 'no exchange was answered' : `${actual}${unit}`}  ${target}`
}
