import { createRegistry, EXIT, exit, type Logger, stopOnSignal, writeReport } from '@nihao/service'
import { pageAssets } from '@nihao/service/page'
import { startTargetsAdmin } from '../../admin.ts'
import { registerDurations } from '../../duration-metrics.ts'
import { registerCounts } from '../../metrics.ts'
import type { NewObserver } from '../../observer.ts'
import { clientPage } from '../../page/client-page.ts'
import { program } from '../../program.ts'
import { Records, recordPages } from '../../records.ts'
import type { ProbeConfig } from '../../settings.ts'
import type { Target } from '../../target.ts'
import { Prober } from './prober.ts'
import { reportOf } from './report.ts'
import { reporters } from './reporters.ts'
import { WindowFigures } from './window.ts'

/** Probes every target until a signal arrives, or for a time and then reports; serves the results over HTTP meanwhile. */
export async function runProbe(config: ProbeConfig, logger: Logger): Promise<void> {
  const registry = createRegistry(program.name, program.version, logger)
  const figures = new Map<string, WindowFigures>()
  const records = new Records()
  const observers = records.observe(registerDurations(registry))
  const prober = new Prober(config, config.duration > 0 ? withFigures(observers, figures) : observers, logger)
  const { targets } = prober
  registerCounts(registry, targets)
  const history = records.start(targets)
  const stopping = () => prober.stopping
  const home = clientPage({ targets, history, records, stopping })
  const pages = { ...recordPages(history, records), ...pageAssets(), '/': home }
  // A signal may arrive as soon as the log says that the admin endpoint listens.
  if (config.duration === 0) {
    stopOnSignal(logger, async () => {
      await prober.stop()
      return EXIT.ok
    })
  }
  if (!(await startTargetsAdmin(config, logger, { targets, registry, stopping, pages })) || prober.stopping) return
  const reported = config.duration > 0 ? report(config, prober, figures, logger) : undefined
  prober.start()
  return reported
}

function withFigures(newObserver: NewObserver, figures: Map<string, WindowFigures>): NewObserver {
  return (label, protocol) => {
    const own = new WindowFigures()
    figures.set(label, own)
    return own.observe(newObserver(label, protocol))
  }
}

/** Lets the prober run for its time, writes the report and ends the process with its exit code. */
async function report(config: ProbeConfig, prober: Prober, figures: Map<string, WindowFigures>, logger: Logger): Promise<void> {
  const startedAt = new Date()
  const startMs = performance.now()
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, config.duration)
  let interrupted: 'SIGINT' | 'SIGTERM' | undefined
  stopOnSignal(logger, async signal => {
    interrupted ??= signal as 'SIGINT' | 'SIGTERM'
    clearTimeout(timer)
    over.resolve()
    return finished
  })
  const finished = over.promise.then(async () => {
    const durationMs = performance.now() - startMs
    await prober.stop()
    const targets = prober.targets.map(target => ({
      target: target as Target,
      figures: figures.get(target.label) as WindowFigures,
    }))
    const report = reportOf({ startedAt, durationMs, interrupted, targets }, config)
    try {
      await writeReport(reporters[config.report](report))
      return report.exitCode
    } catch (error) {
      logger.error({ error }, 'could not write the report')
      return report.exitCode || EXIT.failed
    }
  })
  const code = await finished
  if (interrupted === undefined) exit(logger, code)
}
