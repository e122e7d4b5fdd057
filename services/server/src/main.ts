#!/usr/bin/env -S node --conditions=source
import {
  ConfigError,
  createLogger,
  createRegistry,
  EXIT,
  exit,
  helpText,
  json,
  startAdmin,
  stopOnSignal,
  unknownVariables,
} from '@nihao/service'
import manifest from '../package.json' with { type: 'json' }
import { registerMetrics } from './metrics.ts'
import { describeConnections, describeTotals, Server } from './server.ts'
import { readConfig, type ServerConfig, settings } from './settings.ts'

const service = 'nihao-server'
const { version } = manifest
const { env } = process
const args = process.argv.slice(2)

async function run(config: ServerConfig): Promise<void> {
  const logger = createLogger(service, config.logLevel)
  const unknown = unknownVariables(settings, env)
  if (unknown.length > 0) logger.warn({ variables: unknown }, 'these variables are no settings of this service')

  const server = new Server(config, logger)
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

if (args.includes('--help')) {
  process.stdout.write(helpText(`Usage: ${service} [setting …] [endpoint …]`, settings))
} else if (args.includes('--version')) {
  process.stdout.write(`${version}\n`)
} else {
  try {
    await run(readConfig({ env, args }))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.mistakes.map(mistake => `${service}: ${mistake}`).join('\n')}\n`)
    process.exitCode = EXIT.usage
  }
}
