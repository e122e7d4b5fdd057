import {
  createRegistry,
  EXIT,
  eventsPage,
  exit,
  helpText,
  historyPage,
  json,
  KernelSockets,
  type Logger,
  processSource,
  runCommand,
  startAdmin,
  stopOnSignal,
} from '@nihao/service'
import { pageAssets } from '@nihao/service/page'
import manifest from '../package.json' with { type: 'json' }
import { listenerHistory } from './listener-history.ts'
import { registerMetrics } from './metrics.ts'
import { serverPage } from './page/server-page.ts'
import { describeConnections, describeTotals } from './pages.ts'
import { recordEvents } from './recorded-events.ts'
import { Server } from './server.ts'
import { readConfig, type ServerConfig, settings } from './settings.ts'

/** The identity of this program in logs and metrics. */
const program = { name: 'nihao-server', version: manifest.version } as const

async function run(config: ServerConfig, logger: Logger): Promise<void> {
  const server = new Server(config, program.version, logger)
  const eventLog = recordEvents(server.events)
  let adminPort: number
  try {
    await server.listen()
    handleSignals(server, config, logger)
    const registry = createRegistry(program.name, program.version, logger)
    registerMetrics(registry, server)
    const kernel = new KernelSockets()
    const history = listenerHistory(server.listeners)
    history.start()
    const admin = await startAdmin({
      ...program,
      host: config.adminHost,
      port: config.adminPort,
      registry,
      logger,
      notReady: () => server.notReady(),
      pages: {
        ...pageAssets(),
        '/': serverPage({ program, server, history }),
        '/connections': async query => json(200, await describeConnections(server, query, kernel)),
        '/history': historyPage(history, 'listener', '/connections'),
        '/events': eventsPage(eventLog, 'listener', () => history.labels, '/connections'),
      },
    })
    adminPort = admin.port
  } catch (error) {
    for (const reason of error instanceof AggregateError ? error.errors : [error]) logger.fatal({ error: reason }, reason.message)
    return exit(logger, EXIT.failed)
  }

  // A parent process with an IPC channel waits for this message, and may then send a signal.
  process.send?.({ adminPort })
}

/** Must be called before the log says that the admin endpoint listens: a process that waits for this line may then send a signal. */
function handleSignals(server: Server, config: ServerConfig, logger: Logger): void {
  process.on('SIGHUP', () => server.reloadCertificates())
  stopOnSignal(logger, async () => {
    await server.drain(config.drainDelay, config.drainTimeout)
    logger.info(await describeTotals(server), 'stopped')
    return EXIT.ok
  })
}

const help = () => helpText('Usage: nihao-server [setting ...] [endpoint ...]', { Settings: settings })

await runCommand({ ...program, help, readConfig, run }, processSource())
