import { EXIT } from '@nihao/service'
import type { CloseReason } from '../../connect/close-reason.ts'
import { compare, type Threshold } from '../../report/thresholds.ts'
import type { Limits, TargetReport } from './report.ts'

/** A threshold of a load. */
export type LoadThreshold = Threshold<'maxP99' | 'maxFailures' | 'minRate'>

/** All configured thresholds for one target. */
export function thresholdsOf({ maxP99, maxFailures, minRate }: Limits, report: TargetReport): LoadThreshold[] {
  const { target, latencyMs, failed, ratePerSecond } = report
  return [
    ...compare('maxP99', target, maxP99, latencyMs.fromIntendedStart.percentiles.p99 ?? null),
    ...compare('maxFailures', target, maxFailures, failed),
    ...compare('minRate', target, minRate, ratePerSecond),
  ]
}

/** The part of a target's report that decides the exit code. */
export interface TargetRun {
  readonly notConnected: TargetReport['notConnected']
  readonly connections: Pick<TargetReport['connections'], 'closed' | 'comparisons'>
}

/** The exit code of a load: the most severe outcome decides. */
export function exitCode(
  interrupted: 'SIGINT' | 'SIGTERM' | undefined,
  targets: readonly TargetRun[],
  thresholds: readonly LoadThreshold[],
  toleratesFailures: boolean,
): number {
  if (interrupted !== undefined) return EXIT[interrupted]
  if (targets.some(({ notConnected }) => notConnected !== null)) return EXIT.notConnected
  if (targets.some(wrongBytes)) return EXIT.wrongBytes
  if (thresholds.some(({ met }) => !met)) return EXIT.failed
  return targets.some(lost) && !toleratesFailures ? EXIT.connectionLost : EXIT.ok
}

/** Wrong bytes are never tolerated, however many failures are allowed. Counters differ if bytes were lost or added. */
function wrongBytes({ connections: { closed, comparisons } }: TargetRun): boolean {
  return closedFor(closed, ['mismatch', 'protocol']) || comparisons.different > 0
}

const lost = ({ connections: { closed } }: TargetRun) => closedFor(closed, ['server_closed', 'reset', 'timeout', 'local'])

function closedFor(closed: TargetRun['connections']['closed'], reasons: readonly CloseReason[]): boolean {
  return reasons.some(reason => (closed[reason] ?? 0) > 0)
}
