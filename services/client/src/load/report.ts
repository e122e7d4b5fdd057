import { nonZero } from '../counters.ts'
import { program } from '../program.ts'
import type { LoadConfig } from '../settings.ts'
import type { TargetFigures } from './figures.ts'
import type { Interrupt, Outcome, TargetOutcome } from './load.ts'
import { bottlenecks, type Strain } from './strain.ts'
import { exitCode, type Threshold, thresholdsOf } from './verdict.ts'

/** Counts up when a field changes its meaning or goes; new fields may come at any time. docs/load-report.schema.json describes this one. */
const REPORT_VERSION = 1

/** What a load came to: the JSON report as it stands, and what the text report is made from. */
export interface Report {
  readonly version: typeof REPORT_VERSION
  readonly program: string
  readonly release: string
  readonly startedAt: string
  readonly interrupted: Interrupt | null
  readonly exitCode: number
  readonly thresholds: readonly Threshold[]
  readonly client: Strain & { readonly bottlenecks: readonly string[] }
  readonly targets: readonly TargetReport[]
}

export interface TargetReport extends TargetFigures {
  readonly target: string
  /** Why there was no load at all; null when there was. */
  readonly notConnected: { readonly reason: string; readonly message: string | null } | null
  readonly settings: {
    readonly connections: number
    readonly depth: number
    /** Exchanges per second; 0 = closed loop. */
    readonly rate: number
    readonly arrivals: string
    /** Bytes; null = the message as it is. */
    readonly size: { readonly minimum: number; readonly maximum: number } | null
  }
  /** Of the whole run, warm-up included. */
  readonly connections: {
    readonly attempts: number
    readonly failures: Readonly<Record<string, number>>
    readonly closed: Readonly<Record<string, number>>
    readonly serversSeen: number
  }
}

export function reportOf({ startedAt, interrupted, strain, targets }: Outcome, config: LoadConfig): Report {
  const thresholds = targets.flatMap(({ target, figures }) => thresholdsOf(config, target.url, figures))
  const lives = targets.map(({ target: { counters }, failure }) => ({ connected: failure === undefined, counters }))
  return {
    version: REPORT_VERSION,
    program: program.name,
    release: program.version,
    startedAt: startedAt.toISOString(),
    interrupted: interrupted ?? null,
    exitCode: exitCode(interrupted, lives, thresholds, config.maxFailures !== null),
    thresholds,
    client: {
      ...strain,
      // A load that never began held nobody up.
      bottlenecks: lives.some(({ connected }) => connected)
        ? bottlenecks(
            strain,
            targets.map(({ figures }) => figures.scheduleLagMs),
          )
        : [],
    },
    targets: targets.map(targetReport),
  }
}

function targetReport({ target: { url, values, counters }, failure, figures }: TargetOutcome): TargetReport {
  const { connections, depth, rate, arrivals, size } = values
  return {
    target: url,
    notConnected: failure === undefined ? null : { reason: failure.reason, message: failure.error?.message ?? null },
    settings: { connections, depth, rate, arrivals, size },
    ...figures,
    connections: {
      attempts: counters.connectionAttempts,
      failures: nonZero(counters.connectionFailures),
      closed: nonZero(counters.connectionsClosed),
      serversSeen: counters.serversSeen,
    },
  }
}
