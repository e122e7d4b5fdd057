import { program } from '../../program.ts'
import { round } from '../../round.ts'
import type { LoadConfig, LoadValues } from '../../settings.ts'
import type { ClientUsage } from './client-usage.ts'
import type { Measurement } from './figures.ts'
import type { Interrupt, Outcome } from './load.ts'
import type { ConnectionTotals } from './merge-measurements.ts'
import type { NotConnected } from './thread-load.ts'
import { exitCode, type LoadThreshold, thresholdsOf } from './thresholds.ts'

/** Increased when a field is removed or changes its meaning; fields may be added at any time. See docs/load-report.schema.json. */
export const REPORT_VERSION = 1

/** The results of a load: the JSON report, and the source of the text report. */
export interface Report {
  readonly version: typeof REPORT_VERSION
  readonly program: string
  readonly release: string
  readonly startedAt: string
  readonly interrupted: Interrupt | null
  readonly exitCode: number
  readonly thresholds: readonly LoadThreshold[]
  /** How many reports were merged into this one; 1 = it is that of a load. */
  readonly reports: number
  /** Null if nothing was measured. */
  readonly client: (ClientUsage & { readonly bottlenecks: readonly string[] }) | null
  readonly targets: readonly TargetReport[]
}

export interface TargetReport extends Measurement {
  readonly target: string
  /** Why no load was generated; null if it was. */
  readonly notConnected: NotConnected | null
  readonly settings: TargetSettings
  /** Answered exchanges per second; null without exchanges. */
  readonly ratePerSecond: number | null
  readonly connections: ConnectionTotals & { readonly serversSeen: number }
}

/** `rate`: exchanges per second, 0 = closed loop. `size`: bytes, null = the configured message. */
export type TargetSettings = Pick<LoadValues, 'connections' | 'depth' | 'rate' | 'arrivals' | 'size'>

/** What `reportOf` needs of the configuration. */
export type Limits = Pick<LoadConfig, 'maxP99' | 'maxFailures' | 'minRate'>

export function reportOf({ startedAt, interrupted, reports, client, targets }: Outcome, limits: Limits): Report {
  const thresholds = targets.flatMap(target => thresholdsOf(limits, target))
  return {
    version: REPORT_VERSION,
    program: program.name,
    release: program.version,
    startedAt: startedAt.toISOString(),
    interrupted: interrupted ?? null,
    exitCode: exitCode(interrupted, targets, thresholds, limits.maxFailures !== null),
    thresholds,
    reports,
    client,
    targets,
  }
}

export interface TargetOutcome {
  readonly target: string
  readonly notConnected: NotConnected | null
  readonly settings: TargetSettings
  readonly measurement: Measurement
  readonly connections: ConnectionTotals
}

export function targetReport({ target, notConnected, settings, measurement, connections }: TargetOutcome): TargetReport {
  const { elapsedMs, answered, failed, failures, ...others } = measurement
  const { depth, rate, arrivals, size } = settings
  return {
    target,
    notConnected,
    settings: { connections: settings.connections, depth, rate, arrivals, size },
    elapsedMs,
    answered,
    failed,
    failures,
    ratePerSecond: answered + failed === 0 ? null : round((answered * 1_000) / elapsedMs),
    ...others,
    connections: { ...connections, serversSeen: connections.servers.length },
  }
}
