import type { BrokenTotals } from './broken-connections.ts'
import type { Measurement } from './figures.ts'
import { mergeDistributions, type SavedDistribution } from './saved-distribution.ts'

/** Totals of the connections to one target over the whole run, including the warm-up. */
export interface ConnectionTotals {
  readonly attempts: number
  readonly failures: Readonly<Record<string, number>>
  readonly closed: Readonly<Record<string, number>>
  /** Those that failed, by reason and side. */
  readonly broken: readonly BrokenTotals[]
  /** Names of servers (probe), at most 1,000. */
  readonly servers: readonly string[]
  /** Comparisons of client and server counters at the end of a connection (probe). */
  readonly comparisons: { readonly equal: number; readonly different: number }
}

/** The measurement of threads or clients that ran at the same time. */
export function mergeMeasurements(parts: readonly Measurement[]): Measurement {
  const lags = parts.flatMap(({ scheduleLagMs }) => scheduleLagMs ?? [])
  const latencies = (of: (latency: Measurement['latencyMs']) => SavedDistribution) =>
    mergeDistributions(parts.map(({ latencyMs }) => of(latencyMs)))
  return {
    elapsedMs: Math.max(...parts.map(({ elapsedMs }) => elapsedMs)),
    answered: sumOf(parts, ({ answered }) => answered),
    failed: sumOf(parts, ({ failed }) => failed),
    failures: sumByReason(parts.map(({ failures }) => failures)),
    sentBytes: sumOf(parts, ({ sentBytes }) => sentBytes),
    receivedBytes: sumOf(parts, ({ receivedBytes }) => receivedBytes),
    latencyMs: {
      fromIntendedStart: latencies(({ fromIntendedStart }) => fromIntendedStart),
      fromSend: latencies(({ fromSend }) => fromSend),
    },
    scheduleLagMs: lags.length === 0 ? null : mergeDistributions(lags),
  }
}

export function mergeConnections(parts: readonly ConnectionTotals[]): ConnectionTotals {
  return {
    attempts: sumOf(parts, ({ attempts }) => attempts),
    failures: sumByReason(parts.map(({ failures }) => failures)),
    closed: sumByReason(parts.map(({ closed }) => closed)),
    broken: sumBroken(parts.flatMap(({ broken = [] }) => broken)),
    servers: [...new Set(parts.flatMap(({ servers }) => servers))],
    comparisons: {
      equal: sumOf(parts, ({ comparisons }) => comparisons.equal),
      different: sumOf(parts, ({ comparisons }) => comparisons.different),
    },
  }
}

function sumBroken(parts: readonly BrokenTotals[]): BrokenTotals[] {
  const alike = Map.groupBy(parts, ({ reason, side, evidence }) => `${reason} ${side} ${evidence}`)
  return [...alike.values()].map(group => ({
    ...(group[0] as BrokenTotals),
    connections: sumOf(group, ({ connections }) => connections),
    exchanges: sumOf(group, ({ exchanges }) => exchanges),
  }))
}

export const sumOf = <Part>(parts: readonly Part[], figure: (part: Part) => number): number =>
  parts.reduce((sum, part) => sum + figure(part), 0)

function sumByReason(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [reason, count] of parts.flatMap(Object.entries<number>)) sums[reason] = (sums[reason] ?? 0) + count
  return sums
}
