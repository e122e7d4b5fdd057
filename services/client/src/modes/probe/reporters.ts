import { junitReporter } from '../../report/junit.ts'
import type { Reporter } from '../../report/results.ts'
import { tapReporter } from '../../report/tap.ts'
import type { ProbeConfig } from '../../settings.ts'
import type { Report } from './report.ts'
import { resultsOf } from './results.ts'
import { textReport } from './text-report.ts'

/** The text of a report for each value of the setting `report`. */
export const reporters: Readonly<Record<ProbeConfig['report'], (report: Report) => string>> = {
  text: textReport,
  json: report => `${JSON.stringify(report, undefined, 2)}\n`,
  junit: report => allOf(junitReporter('nihao-client probe'), report),
  tap: report => allOf(tapReporter(), report),
}

/** What a reporter writes of results that are all known. */
function allOf(reporter: Reporter, report: Report): string {
  const results = resultsOf(report)
  const parts = results.targets.flatMap(({ target, results }) => results.map(result => reporter.result?.(target, result)))
  return [reporter.begin?.(), ...parts, reporter.end(results)].join('')
}
