import { EXIT } from '@nihao/service'
import type { TargetCounters } from '../../counters.ts'
import { compare, type Threshold } from '../../report/thresholds.ts'
import type { LoadConfig } from '../../settings.ts'
import type { TargetFigures } from './figures.ts'

/** A threshold of a load. */
export type LoadThreshold = Threshold<'maxP99' | 'maxFailures' | 'minRate'>

type Limits = Pick<LoadConfig, 'maxP99' | 'maxFailures' | 'minRate'>

/** All configured thresholds for one target. */
export function thresholdsOf({ maxP99, maxFailures, minRate }: Limits, target: string, figures: TargetFigures): LoadThreshold[] {
  return [
    ...compare('maxP99', target, maxP99, figures.latencyMs.fromIntendedStart.percentiles.p99 ?? null),
    ...compare('maxFailures', target, maxFailures, figures.failed),
    ...compare('minRate', target, minRate, figures.ratePerSecond),
  ]
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
  thresholds: readonly LoadThreshold[],
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
