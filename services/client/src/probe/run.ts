import { createRegistry, EXIT, exit, json, type Logger, startAdmin, stopOnSignal } from '@nihao/service'
import { registerCounts, registerDurations } from '../metrics.ts'
import { program } from '../program.ts'
import type { ClientConfig } from '../settings.ts'
import { describeConnections, Probe } from './probe.ts'

/** Watches every target until a signal comes, and tells over HTTP what it sees. */
export async function runProbe(config: ClientConfig, logger: Logger): Promise<void> {
  const registry = createRegistry(program.name, program.version)
  const probe = new Probe(config, registerDurations(registry), logger)
  registerCounts(registry, probe.targets)
  try {
    await startAdmin({
      ...program,
      host: config.adminHost,
      port: config.adminPort,
      registry,
      logger,
      notReady: () => probe.notReady(),
      pages: {
        '/targets': () =>
          json(probe.targets.every(({ good }) => good) ? 200 : 503, { targets: probe.targets.map(target => target.describe()) }),
        '/connections': () => json(200, describeConnections(probe)),
      },
    })
  } catch (error) {
    logger.fatal({ error }, (error as Error).message)
    return exit(logger, EXIT.failed)
  }
  probe.start()

  stopOnSignal(logger, async () => {
    await probe.stop()
    return EXIT.ok
  })
}
