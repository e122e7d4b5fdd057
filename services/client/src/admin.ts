import { EXIT, exit, json, KernelSockets, type Logger, type PageOf, selectConnections, startAdmin } from '@nihao/service'
import type { Registry } from 'prom-client'
import { program } from './program.ts'
import type { IdleConfig, ProbeConfig } from './settings.ts'
import type { Target } from './target.ts'

export interface TargetsAdmin {
  readonly targets: readonly Target[]
  readonly registry: Registry
  /** True once the client is stopping. */
  readonly stopping: () => boolean
  /** Pages in addition to `/targets` and `/connections`. */
  readonly pages?: Readonly<Record<string, PageOf>>
}

/**
 * Starts the admin endpoint of a client that runs until stopped.
 * @returns false if it can't listen; the process then exits
 */
export async function startTargetsAdmin(config: ProbeConfig | IdleConfig, logger: Logger, admin: TargetsAdmin): Promise<boolean> {
  const { targets, registry, stopping, pages } = admin
  const kernel = new KernelSockets()
  try {
    const { port: adminPort } = await startAdmin({
      ...program,
      host: config.adminHost,
      port: config.adminPort,
      registry,
      logger,
      notReady: () => (stopping() ? 'stopping' : untried(targets)),
      pages: {
        '/targets': () =>
          json(targets.every(({ good }) => good) ? 200 : 503, { targets: targets.map(target => target.describe()) }),
        '/connections': async query => json(200, await describeConnections(targets, query, kernel)),
        ...pages,
      },
    })
    // A parent process with an IPC channel waits for this message, and may then send a signal, which the mode handles by then.
    setImmediate(() => process.send?.({ adminPort }))
    return true
  } catch (error) {
    logger.fatal({ error }, (error as Error).message)
    exit(logger, EXIT.failed)
    return false
  }
}

/** Why the client is not ready yet. A target that is down does not make it unready. */
function untried(targets: readonly Target[]): string | undefined {
  const labels = targets.filter(({ tried }) => !tried).map(({ label }) => label)
  return labels.length > 0 ? `not yet tried: ${labels.join(' ')}` : undefined
}

/** The open connections, for `/connections`. */
function describeConnections(targets: readonly Target[], query: URLSearchParams, kernel: KernelSockets): Promise<object> {
  return selectConnections(query, {
    by: 'target',
    groups: targets.map(({ label, counters: { connections } }) => ({ label, connections })),
    kernel,
    describe: ({ localAddress, remoteAddress, hello, sentBytes, receivedBytes, bufferedBytes, answered, outstanding }) => ({
      localAddress,
      remoteAddress,
      server: hello?.server ?? null,
      sentBytes,
      receivedBytes,
      bufferedBytes,
      answered,
      outstanding,
    }),
  })
}
