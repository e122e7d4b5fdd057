import type { Report } from '../../report/results.ts'

/** Version of the JSON report: docs/check-report.schema.json describes it. */
export const REPORT_VERSION = 1

/** The verdict of the whole run. A failed check outranks an unreachable target. */
export function verdictOf({ interrupted, targets }: Report): 'ok' | 'failed' | 'unreachable' | 'interrupted' {
  if (interrupted !== undefined) return 'interrupted'
  const failed = targets.some(({ reachable, results }) => reachable && results.some(({ verdict }) => verdict === 'failed'))
  if (failed) return 'failed'
  return targets.every(({ reachable }) => reachable) ? 'ok' : 'unreachable'
}
