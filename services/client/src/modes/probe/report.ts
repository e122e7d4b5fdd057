import { EXIT } from '@nihao/service'
import { nonZero } from '../../counters.ts'
import { program } from '../../program.ts'
import { type Distribution, describe } from '../../report/distribution.ts'
import { compare, type Threshold } from '../../report/thresholds.ts'
import { round } from '../../round.ts'
import type { ProbeConfig } from '../../settings.ts'
import type { SizeFailures } from '../../size-statistics.ts'
import type { Target } from '../../target.ts'
import type { TimedOutage, WindowFigures } from './window.ts'

/** Increased when a field changes its meaning or is removed; fields may be added at any time. See docs/probe-report.schema.json. */
const REPORT_VERSION = 1

/** The results of a probe that ran for a time: the JSON report, from which the others are made. */
export interface Report {
  readonly version: typeof REPORT_VERSION
  readonly program: string
  readonly release: string
  readonly startedAt: string
  readonly durationMs: number
  readonly interrupted: 'SIGINT' | 'SIGTERM' | null
  readonly exitCode: number
  readonly thresholds: readonly Threshold<'maxOutage' | 'maxLost' | 'maxP99'>[]
  readonly targets: readonly TargetReport[]
}

export interface TargetReport {
  readonly target: string
  /** False where no connection was made. */
  readonly connected: boolean
  /** Completed exchanges, successful or failed. */
  readonly exchanges: number
  readonly lost: number
  readonly failures: Readonly<Record<string, number>>
  /** Of those that a connection lost, the first; undefined where requests have one size. */
  readonly failuresBySize?: readonly SizeFailures[]
  /** From the intended start. */
  readonly latencyMs: Distribution
  readonly handovers: number
  readonly serversSeen: number
  readonly outages: {
    readonly count: number
    readonly longestMs: number
    /** At most 1,000, the first ones. */
    readonly listed: readonly TimedOutage[]
  }
}

/** What the report covers. */
export interface Window {
  readonly startedAt: Date
  readonly durationMs: number
  readonly interrupted: 'SIGINT' | 'SIGTERM' | undefined
  readonly targets: readonly { readonly target: Target; readonly figures: WindowFigures }[]
}

type Limits = Pick<ProbeConfig, 'maxOutage' | 'maxLost' | 'maxP99'>

export function reportOf({ startedAt, durationMs, interrupted, targets }: Window, limits: Limits): Report {
  const reports = targets.map(({ target, figures }) => targetReport(target, figures))
  const thresholds = reports.flatMap(report => thresholdsOf(limits, report))
  const wrongBytes = targets.some(
    ({ target: { counters } }) => counters.connectionsClosed.mismatch + counters.connectionsClosed.protocol > 0,
  )
  return {
    version: REPORT_VERSION,
    program: program.name,
    release: program.version,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(durationMs),
    interrupted: interrupted ?? null,
    exitCode: interrupted === undefined ? exitCode(reports, thresholds, wrongBytes) : EXIT[interrupted],
    thresholds,
    targets: reports,
  }
}

function targetReport({ label, counters, statistics: { sizes } }: Target, figures: WindowFigures): TargetReport {
  const { exchanges, exchangeFailures, connectionsClosed, handovers, serversSeen } = counters
  return {
    target: label,
    connected: Object.values(connectionsClosed).some(count => count > 0),
    exchanges,
    lost: counters.failures(),
    failures: nonZero(exchangeFailures),
    ...(sizes && { failuresBySize: sizes.failures.filter(({ count }) => count > 0) }),
    latencyMs: describe(figures.latencies),
    handovers,
    serversSeen,
    outages: {
      count: figures.outageCount,
      longestMs: round(figures.longestOutageMs),
      listed: figures.outages.map(outage => ({
        ...outage,
        durationMs: round(outage.durationMs),
        atMostMs: round(outage.atMostMs),
      })),
    },
  }
}

function thresholdsOf({ maxOutage, maxLost, maxP99 }: Limits, report: TargetReport) {
  const { target, lost, outages, latencyMs } = report
  return [
    ...compare('maxOutage', target, maxOutage, outages.longestMs),
    ...compare('maxLost', target, maxLost, lost),
    ...compare('maxP99', target, maxP99, latencyMs.percentiles.p99 ?? null),
  ]
}

/** True when at least one exchange was answered: without that, no threshold says anything. */
export const answered = ({ latencyMs }: TargetReport) => latencyMs.count > 0

function exitCode(targets: readonly TargetReport[], thresholds: Report['thresholds'], wrongBytes: boolean): number {
  if (targets.some(({ connected }) => !connected)) return EXIT.notConnected
  if (wrongBytes) return EXIT.wrongBytes
  return thresholds.every(({ met }) => met) && targets.every(answered) ? EXIT.ok : EXIT.failed
}
