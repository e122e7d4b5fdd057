#!/usr/bin/env -S node --conditions=source
import { createRegistry, EXIT, exit, json, type Logger, runCommand, startAdmin, stopOnSignal } from '@nihao/service'
import manifest from '../package.json' with { type: 'json' }
import { registerCounts, registerDurations } from './metrics.ts'
import { describeConnections, Probe } from './probe.ts'
import { type ClientConfig, readConfig, settings } from './settings.ts'

const service = 'nihao-client'
const { version } = manifest

async function run(config: ClientConfig, logger: Logger): Promise<void> {
  const registry = createRegistry(service, version)
  const probe = new Probe(config, registerDurations(registry), logger)
  registerCounts(registry, probe.targets)
  try {
    await startAdmin({
      service,
      version,
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

await runCommand({ name: service, version, usage: '[probe] [setting …] [target …]', settings, readConfig, run })
