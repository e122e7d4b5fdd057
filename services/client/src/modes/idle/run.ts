import { createRegistry, EXIT, exit, type Logger, stopOnSignal, writeReport } from '@nihao/service'
import { registerDurations } from '../../duration-metrics.ts'
import { program } from '../../program.ts'
import { Records } from '../../records.ts'
import type { IdleConfig, IdleValues } from '../../settings.ts'
import { Target } from '../../target.ts'
import { Ladder } from './ladder.ts'
import { showProgress } from './progress.ts'
import { exitCode, jsonReport, textReport } from './report.ts'
import { watchIdle } from './watch.ts'

/** Finds the idle timeout of the path to every target: once with a report, or repeatedly with metrics. */
export async function runIdle(config: IdleConfig, logger: Logger): Promise<void> {
  const registry = createRegistry(program.name, program.version, logger)
  const records = new Records()
  const newObserver = records.observe(registerDurations(registry))
  const targets = config.targetConfigs.map(target => new Target(target, newObserver, logger))
  const newLadders = () => targets.flatMap(laddersTo)
  if (config.repeat === 0) await climbOnce(newLadders(), config.report, logger)
  else await watchIdle({ config, logger, registry, records, targets, newLadders })
}

/** Two ladders per target show whether keep-alive avoids an idle timeout. */
function laddersTo(target: Target<IdleValues>): Ladder[] {
  const { keepAlive, rungs } = target.values
  return (keepAlive === 0 ? [0] : [0, keepAlive]).map(keepAliveMs => new Ladder(target, rungs, keepAliveMs))
}

async function climbOnce(ladders: readonly Ladder[], format: 'text' | 'json', logger: Logger): Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  const endProgress = showProgress(process.stderr, ladders)
  const reported = Promise.all(ladders.map(ladder => ladder.climb(signal))).then(async () => {
    endProgress()
    try {
      await writeReport(format === 'json' ? jsonReport(ladders, signal.aborted) : textReport(ladders))
      return exitCode(ladders)
    } catch (error) {
      logger.error({ error }, 'could not write the report')
      return exitCode(ladders) || EXIT.failed
    }
  })
  stopOnSignal(logger, async name => {
    stopping.abort()
    await reported
    return name === 'SIGINT' ? EXIT.SIGINT : EXIT.SIGTERM
  })
  const code = await reported
  if (!signal.aborted) exit(logger, code)
}
