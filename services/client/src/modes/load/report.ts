import { nonZero } from '../../counters.ts'
import { program } from '../../program.ts'
import type { LoadConfig } from '../../settings.ts'
import { bottlenecks, type ClientUsage } from './client-usage.ts'
import type { TargetFigures } from './figures.ts'
import type { Interrupt, Outcome, TargetOutcome } from './load.ts'
import { exitCode, type LoadThreshold, thresholdsOf } from './thresholds.ts'

/** Increased when a field is removed or changes its meaning; fields may be added at any time. See docs/load-report.schema.json. */
const REPORT_VERSION = 1

/** The results of a load: the JSON report, and the source of the text report. */
export interface Report {
  readonly version: typeof REPORT_VERSION
  readonly program: string
  readonly release: string
  readonly startedAt: string
  readonly interrupted: Interrupt | null
  readonly exitCode: number
  readonly thresholds: readonly LoadThreshold[]
  /** Null if nothing was measured. */
  readonly client: (ClientUsage & { readonly bottlenecks: readonly string[] }) | null
  readonly targets: readonly TargetReport[]
}

export interface TargetReport extends TargetFigures {
  readonly target: string
  /** Why no load was generated; null if it was. */
  readonly notConnected: { readonly reason: string; readonly message: string | null } | null
  readonly settings: {
    readonly connections: number
    readonly depth: number
    /** Exchanges per second; 0 = closed loop. */
    readonly rate: number
    readonly arrivals: string
    /** Bytes; null = the configured message. */
    readonly size: { readonly minimum: number; readonly maximum: number } | null
  }
  /** Totals of the whole run, including the warm-up. */
  readonly connections: {
    readonly attempts: number
    readonly failures: Readonly<Record<string, number>>
    readonly closed: Readonly<Record<string, number>>
    readonly serversSeen: number
    /** Comparisons of client and server counters at the end of a connection (probe). */
    readonly comparisons: { readonly equal: number; readonly different: number }
  }
}

export function reportOf({ startedAt, interrupted, usage, targets }: Outcome, config: LoadConfig): Report {
  const thresholds = targets.flatMap(({ target, figures }) => thresholdsOf(config, target.label, figures))
  const runs = targets.map(({ target: { counters }, failure }) => ({ connected: failure === undefined, counters }))
  const lags = targets.map(({ figures }) => figures.scheduleLagMs)
  return {
    version: REPORT_VERSION,
    program: program.name,
    release: program.version,
    startedAt: startedAt.toISOString(),
    interrupted: interrupted ?? null,
    exitCode: exitCode(interrupted, runs, thresholds, config.maxFailures !== null),
    thresholds,
    client: usage === undefined ? null : { ...usage, bottlenecks: bottlenecks(usage, lags) },
    targets: targets.map(targetReport),
  }
}

function targetReport({ target: { label, values, counters }, failure, figures }: TargetOutcome): TargetReport {
  const { connections, depth, rate, arrivals, size } = values
  return {
    target: label,
    notConnected: failure === undefined ? null : { reason: failure.reason, message: failure.error?.message ?? null },
    settings: { connections, depth, rate, arrivals, size },
    ...figures,
    connections: {
      attempts: counters.connectionAttempts,
      failures: nonZero(counters.connectionFailures),
      closed: nonZero(counters.connectionsClosed),
      serversSeen: counters.serversSeen,
      comparisons: { ...counters.comparisons },
    },
  }
}
