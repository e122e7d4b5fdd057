import { writeFile } from 'node:fs/promises'
import { EXIT, type Logger, writeReport } from '@nihao/service'
import type { LoadConfig } from '../../settings.ts'
import { histogramTable } from './histogram-table.ts'
import type { Report } from './report.ts'
import { restore } from './saved-distribution.ts'
import { textReport } from './text-report.ts'

/** Writes the report to stdout and the histogram to its file. @returns the exit code */
export async function writeResults(
  report: Report,
  config: Pick<LoadConfig, 'report' | 'histogram'>,
  logger: Logger,
): Promise<number> {
  const text = config.report === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : textReport(report)
  try {
    await writeReport(text)
  } catch (error) {
    logger.error({ error }, 'could not write the report')
    return report.exitCode || EXIT.failed
  }
  if (config.histogram !== '') {
    try {
      await writeFile(
        config.histogram,
        histogramTable(report.targets.map(({ latencyMs }) => restore(latencyMs.fromIntendedStart))),
      )
    } catch (error) {
      logger.error({ error }, 'could not write the histogram')
      return report.exitCode || EXIT.failed
    }
  }
  return report.exitCode
}
