/** A threshold for one target and its actual value. */
export interface Threshold<Name extends ThresholdName = ThresholdName> {
  readonly name: Name
  readonly target: string
  readonly limit: number
  /** Null without replies, which does not meet the threshold. */
  readonly actual: number | null
  readonly met: boolean
}

const UNITS = { maxP99: ' ms', maxFailures: '', minRate: '/s', maxOutage: ' ms', maxLost: '' } as const

type ThresholdName = keyof typeof UNITS

/** Returns the threshold, or none if no limit is set. */
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

/** A line of a text report. */
export function describeThreshold({ name, target, limit, actual, met }: Threshold): string {
  const unit = UNITS[name]
  return `${met ? 'met' : 'missed'}  ${name} ${limit}${unit}: ${actual === null ? 'no replies' : `${actual}${unit}`}  ${target}`
}
