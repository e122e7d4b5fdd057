#!/usr/bin/env -S node --conditions=source
import { createRegistry, EXIT, exit, json, type Logger, runCommand, startAdmin, stopOnSignal } from '@nihao/service'
import manifest from '../package.json' with { type: 'json' }
import { registerMetrics } from './metrics.ts'
import { describeConnections, describeTotals, Server } from './server.ts'
import { readConfig, type ServerConfig, settings } from './settings.ts'

const service = 'nihao-server'
const { version } = manifest

async function run(config: ServerConfig, logger: Logger): Promise<void> {
  const server = new Server(config, version, logger)
  try {
    await server.listen()
    const registry = createRegistry(service, version)
    registerMetrics(registry, server)
    await startAdmin({
      service,
      version,
      host: config.adminHost,
      port: config.adminPort,
      registry,
      logger,
      notReady: () => server.notReady(),
      pages: { '/connections': () => json(200, describeConnections(server)) },
    })
  } catch (error) {
    for (const reason of error instanceof AggregateError ? error.errors : [error]) logger.fatal({ error: reason }, reason.message)
    return exit(logger, EXIT.failed)
  }

  stopOnSignal(logger, async () => {
    await server.drain(config.drainDelay, config.drainTimeout)
    logger.info(describeTotals(server), 'stopped')
    return EXIT.ok
  })
}

await runCommand({ name: service, version, usage: '[setting …] [endpoint …]', settings, readConfig, run })
