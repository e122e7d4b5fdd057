import { ConfigError, exit, type Logger } from '@nihao/service'
import { reportOf } from '../modes/load/report.ts'
import { writeResults } from '../modes/load/write-results.ts'
import { differences, mergeReports, type ReadReport } from './merge-reports.ts'
import { readReport } from './read-report.ts'
import type { MergeConfig } from './settings.ts'

/**
 * Merges reports of loads, writes the report of the whole to stdout and exits with the code of its result.
 * @throws {ConfigError} if a file is not such a report, or the reports do not fit together
 */
export async function runMerge(config: MergeConfig, logger: Logger): Promise<void> {
  const read = await Promise.allSettled(config.files.map(readReport))
  const problems = read.flatMap(result => (result.status === 'rejected' ? [String(result.reason.message)] : []))
  const reports = read.flatMap((result, index): ReadReport[] =>
    result.status === 'fulfilled' ? [{ file: config.files[index] ?? '', report: result.value }] : [],
  )
  if (problems.length === 0) problems.push(...differences(reports))
  if (problems.length > 0) throw new ConfigError(problems)
  exit(logger, await writeResults(reportOf(mergeReports(reports), config), config, logger))
}
