import { exit, type Logger, stopOnSignal } from '@nihao/service'
import type { LoadConfig } from '../../settings.ts'
import { Load } from './load.ts'
import { reportOf } from './report.ts'
import { showStatusLine } from './status-line.ts'
import { writeResults } from './write-results.ts'

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
  return writeResults(reportOf(outcome, config), config, logger)
}
