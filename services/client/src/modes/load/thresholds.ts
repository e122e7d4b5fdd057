import { EXIT } from '@nihao/service'
import type { TargetCounters } from '../../counters.ts'
import type { LoadConfig } from '../../settings.ts'
import type { TargetFigures } from './figures.ts'

/** A threshold and its actual value. */
export interface Threshold {
  readonly name: 'maxP99' | 'maxFailures' | 'minRate'
  readonly target: string
  readonly limit: number
  /** Null without replies, which meets no threshold except maximum failures. */
  readonly actual: number | null
  readonly met: boolean
}

type Limits = Pick<LoadConfig, 'maxP99' | 'maxFailures' | 'minRate'>

/** All configured thresholds for one target. */
export function thresholdsOf({ maxP99, maxFailures, minRate }: Limits, target: string, figures: TargetFigures): Threshold[] {
  const { percentiles } = figures.latencyMs.fromIntendedStart
  const p99 = percentiles.p99 ?? null
  const thresholds: Threshold[] = []
  const compare = (name: Threshold['name'], limit: number | null, actual: number | null) => {
    if (limit === null) return
    const met = actual !== null && (name === 'minRate' ? actual >= limit : actual <= limit)
    thresholds.push({ name, target, limit, actual, met })
  }
  compare('maxP99', maxP99, p99)
  compare('maxFailures', maxFailures, figures.failed)
  compare('minRate', minRate, figures.ratePerSecond)
  return thresholds
}

/** Totals of a target over the whole run, for the exit code. */
export interface TargetRun {
  readonly connected: boolean
  readonly counters: Pick<TargetCounters, 'connectionsClosed' | 'comparisons'>
}

/** The exit code of a load: the most severe outcome decides. */
export function exitCode(
  interrupted: 'SIGINT' | 'SIGTERM' | undefined,
  targets: readonly TargetRun[],
  thresholds: readonly Threshold[],
  toleratesFailures: boolean,
): number {
  if (interrupted !== undefined) return EXIT[interrupted]
  if (targets.some(({ connected }) => !connected)) return EXIT.notConnected
  if (targets.some(wrongBytes)) return EXIT.wrongBytes
  if (thresholds.some(({ met }) => !met)) return EXIT.failed
  return targets.some(lost) && !toleratesFailures ? EXIT.connectionLost : EXIT.ok
}

/** Wrong bytes are never tolerated, however many failures are allowed. Counters differ if bytes were lost or added. */
function wrongBytes({ counters: { connectionsClosed, comparisons } }: TargetRun): boolean {
  return connectionsClosed.mismatch + connectionsClosed.protocol + comparisons.different > 0
}

function lost({ counters: { connectionsClosed } }: TargetRun): boolean {
  const { server_closed, reset, timeout, local } = connectionsClosed
  return server_closed + reset + timeout + local > 0
}
