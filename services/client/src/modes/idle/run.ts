import { ConfigError, createRegistry, EXIT, exit, type Logger, stopOnSignal } from '@nihao/service'
import { registerDurations } from '../../metrics.ts'
import { program } from '../../program.ts'
import type { ClientConfig } from '../../settings.ts'
import { Target } from '../../target.ts'
import { Ladder } from './ladder.ts'
import { showProgress } from './progress.ts'
import { exitCode, jsonReport, textReport } from './report.ts'
import { watchIdle } from './watch.ts'

/** Finds the idle timeout of the path to every target: once with a report, or repeatedly with metrics. */
export async function runIdle(config: ClientConfig, logger: Logger): Promise<void> {
  const mistakes = config.targetConfigs
    .map(({ endpoint }) => endpoint.protocol)
    .filter(protocol => protocol === 'discard' || protocol === 'chargen')
    .map(protocol => `NIHAO_TARGETS: idle needs a server that replies: expected greet, echo or probe, not ${protocol}`)
  if (mistakes.length > 0) throw new ConfigError(mistakes)

  const registry = createRegistry(program.name, program.version)
  const newObserver = registerDurations(registry)
  const targets = config.targetConfigs.map(target => new Target(target, newObserver, logger))
  const newLadders = () => targets.flatMap(laddersTo)
  if (config.repeat === 0) await climbOnce(newLadders(), config.report === 'json' ? 'json' : 'text', logger)
  else await watchIdle({ config, logger, registry, targets, newLadders })
}

/** Keep-alive can avoid an idle timeout: two ladders show whether it does. */
function laddersTo(target: Target): Ladder[] {
  const { keepAlive, rungs } = target.values
  return (keepAlive === 0 ? [0] : [0, keepAlive]).map(keepAliveMs => new Ladder(target, rungs, keepAliveMs))
}

async function climbOnce(ladders: readonly Ladder[], format: 'text' | 'json', logger: Logger): Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  const endProgress = showProgress(process.stderr, ladders)
  const reported = Promise.all(ladders.map(ladder => ladder.climb(signal))).then(() => {
    endProgress()
    process.stdout.write(format === 'json' ? jsonReport(ladders, signal.aborted) : textReport(ladders))
  })
  stopOnSignal(logger, async name => {
    stopping.abort()
    await reported
    return name === 'SIGINT' ? EXIT.SIGINT : EXIT.SIGTERM
  })
  await reported
  if (!signal.aborted) exit(logger, exitCode(ladders))
}
