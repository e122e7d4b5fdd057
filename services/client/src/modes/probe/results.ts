import { optionName } from '@nihao/service'
import type { Figures, Result, Report as Results } from '../../report/results.ts'
import type { Threshold } from '../../report/thresholds.ts'
import { answered, type Report, type TargetReport } from './report.ts'
import { describeOutage } from './text-report.ts'

/** The report as a list of results, for CI systems: the exchanges of each target, and each threshold. */
export function resultsOf({ release, startedAt, durationMs, interrupted, thresholds, targets }: Report): Results {
  return {
    release,
    started: startedAt,
    durationMs,
    interrupted: interrupted ?? undefined,
    targets: targets.map(report => ({
      target: report.target,
      reachable: report.connected,
      results: [
        exchangesResult(report, durationMs),
        ...thresholds.filter(({ target }) => target === report.target).map(thresholdResult),
      ],
    })),
  }
}

function exchangesResult(report: TargetReport, durationMs: number): Result {
  const { exchanges, lost, failures, failuresBySize = [], latencyMs, outages, connected } = report
  const { p50, p99 } = latencyMs.percentiles
  const latencies = answered(report) ? { p50Ms: p50 ?? 0, p99Ms: p99 ?? 0, maxMs: latencyMs.max ?? 0 } : {}
  const listed = outages.listed.map((outage, index) => [`outage ${index + 1}:`, describeOutage(outage)])
  const bySize = failuresBySize.map(({ sizeBytes, reason, direction, count }) => [`${sizeBytes}B_${reason}_${direction}`, count])
  const more = Object.fromEntries([...bySize, ...listed])
  const figures: Figures = { exchanges, lost, ...failures, ...latencies, outages: outages.count, ...more }
  const common = { name: 'exchanges', durationMs, figures }
  if (answered(report)) return { ...common, verdict: 'ok' }
  return {
    ...common,
    verdict: 'failed',
    reason: Object.keys(failures)[0] ?? 'other',
    detail: 'no exchange was answered',
    meaning: connected ? 'The target accepts connections but does not answer.' : 'No connection could be made.',
  }
}

const FIGURES = { maxOutage: 'longestOutageMs', maxLost: 'lost', maxP99: 'p99Ms' } as const

function thresholdResult({ name, limit, actual, met }: Threshold<keyof typeof FIGURES>): Result {
  const figures: Figures = actual === null ? {} : { [FIGURES[name]]: actual }
  const common = { name: optionName(name), durationMs: 0, figures }
  if (met) return { ...common, verdict: 'ok' }
  const detail = actual === null ? 'no exchange was answered' : `${actual} is more than ${limit}`
  return { ...common, verdict: 'failed', reason: 'threshold', detail, meaning: 'The threshold was missed.' }
}
