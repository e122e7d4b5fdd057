import { writeFile } from 'node:fs/promises'
import { EXIT, exit, type Logger, stopOnSignal, writeReport } from '@nihao/service'
import type { LoadConfig } from '../../settings.ts'
import { histogramTable } from './histogram-table.ts'
import { Load } from './load.ts'
import { reportOf } from './report.ts'
import { restore } from './saved-distribution.ts'
import { showStatusLine } from './status-line.ts'
import { textReport } from './text-report.ts'

/** Generates load on every target, writes a report to stdout and exits with the code of the result. */
export async function runLoad(config: LoadConfig, logger: Logger): Promise<void> {
  const load = new Load(config, logger)
  const finished = finish(load, config, logger)
  let interrupted = false
  stopOnSignal(logger, async signal => {
    interrupted = true
    load.stop(signal as 'SIGINT' | 'SIGTERM')
    return finished
  })
  const code = await finished
  if (!interrupted) exit(logger, code)
}

async function finish(load: Load, config: LoadConfig, logger: Logger): Promise<number> {
  const hideStatusLine = process.stderr.isTTY ? showStatusLine(load, process.stderr) : () => {}
  const outcome = await load.run()
  hideStatusLine()
  const report = reportOf(outcome, config)
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
