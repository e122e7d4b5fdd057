import { writeFile } from 'node:fs/promises'
import { EXIT, exit, type Logger, stopOnSignal, writeReport } from '@nihao/service'
import type { LoadConfig } from '../settings.ts'
import { histogramTable } from './histogram.ts'
import { showLive } from './live.ts'
import { Load } from './load.ts'
import { reportOf } from './report.ts'
import { reportText } from './text.ts'

/** Puts a load on every target, reports on stdout what came of it, and ends with the exit code that says so in short. */
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
  const hideLive = process.stderr.isTTY ? showLive(load, process.stderr) : () => {}
  const outcome = await load.run()
  hideLive()
  const report = reportOf(outcome, config)
  const text = config.report === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report)
  try {
    await writeReport(text)
  } catch (error) {
    logger.error({ error }, 'could not write the report')
    return report.exitCode || EXIT.failed
  }
  if (config.histogram !== '') {
    try {
      await writeFile(config.histogram, histogramTable(load.targets.map(({ figures }) => figures.fromIntendedStart)))
    } catch (error) {
      logger.error({ error }, 'the histogram could not be written')
      return report.exitCode || EXIT.failed
    }
  }
  return report.exitCode
}
