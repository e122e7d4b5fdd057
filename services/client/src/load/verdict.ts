import { EXIT } from '@nihao/service'
import type { TargetCounters } from '../counters.ts'
import type { LoadConfig } from '../settings.ts'
import type { TargetFigures } from './figures.ts'

/** A threshold and what it was held against. */
export interface Threshold {
  readonly name: 'maxP99' | 'maxFailures' | 'minRate'
  readonly target: string
  readonly limit: number
  /** Null where nothing was answered, which meets no p99. */
  readonly actual: number | null
  readonly met: boolean
}

type Limits = Pick<LoadConfig, 'maxP99' | 'maxFailures' | 'minRate'>

/** Each threshold that is set, for one target. */
export function thresholdsOf({ maxP99, maxFailures, minRate }: Limits, target: string, figures: TargetFigures): Threshold[] {
  const { count, percentiles } = figures.latencyMs.fromIntendedStart
  const p99 = count === 0 ? null : (percentiles.p99 ?? 0)
  const thresholds: Threshold[] = []
  const hold = (name: Threshold['name'], limit: number | null, actual: number | null, met: (limit: number) => boolean) => {
    if (limit !== null) thresholds.push({ name, target, limit, actual, met: met(limit) })
  }
  hold('maxP99', maxP99, p99, limit => p99 !== null && p99 <= limit)
  hold('maxFailures', maxFailures, figures.failed, limit => figures.failed <= limit)
  hold('minRate', minRate, figures.ratePerSecond, limit => figures.ratePerSecond >= limit)
  return thresholds
}

/** What became of a target over its whole life, for the exit code. */
export interface TargetLife {
  readonly connected: boolean
  readonly counters: Pick<TargetCounters, 'connectionsClosed'>
}

/** The exit code of a load: the gravest of what happened. */
export function exitCode(
  interrupted: 'SIGINT' | 'SIGTERM' | undefined,
  targets: readonly TargetLife[],
  thresholds: readonly Threshold[],
  toleratesFailures: boolean,
): number {
  if (interrupted !== undefined) return EXIT[interrupted]
  if (targets.some(({ connected }) => !connected)) return EXIT.notConnected
  if (targets.some(wrongBytes)) return EXIT.wrongBytes
  if (thresholds.some(({ met }) => !met)) return EXIT.failed
  return targets.some(lost) && !toleratesFailures ? EXIT.connectionLost : EXIT.ok
}

/** No number of allowed failures makes wrong bytes right. */
function wrongBytes({ counters: { connectionsClosed } }: TargetLife): boolean {
  return connectionsClosed.mismatch + connectionsClosed.protocol > 0
}

function lost({ counters: { connectionsClosed } }: TargetLife): boolean {
  const { server_closed, reset, timeout, local } = connectionsClosed
  return server_closed + reset + timeout + local > 0
}
