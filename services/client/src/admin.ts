import { EXIT, exit, json, type Logger, type Page, startAdmin } from '@nihao/service'
import type { Registry } from 'prom-client'
import { program } from './program.ts'
import type { IdleConfig, ProbeConfig } from './settings.ts'
import type { Target } from './target.ts'

export interface TargetsAdmin {
  readonly targets: readonly Target[]
  readonly registry: Registry
  /** True from the moment the client was told to stop. */
  readonly stopping: () => boolean
  /** Besides those of the targets and their connections. */
  readonly pages?: Readonly<Record<string, () => Page>>
}

/**
 * Starts the admin endpoint of a client that runs until it is told to stop.
 * @returns false where its address can't be listened on: the process then ends
 */
export async function startTargetsAdmin(config: ProbeConfig | IdleConfig, logger: Logger, admin: TargetsAdmin): Promise<boolean> {
  const { targets, registry, stopping, pages } = admin
  try {
    await startAdmin({
      ...program,
      host: config.adminHost,
      port: config.adminPort,
      registry,
      logger,
      notReady: () => (stopping() ? 'stopping' : untried(targets)),
      pages: {
        '/targets': () =>
          json(targets.every(({ good }) => good) ? 200 : 503, { targets: targets.map(target => target.describe()) }),
        '/connections': () => json(200, describeConnections(targets)),
        ...pages,
      },
    })
    return true
  } catch (error) {
    logger.fatal({ error }, (error as Error).message)
    exit(logger, EXIT.failed)
    return false
  }
}

/** Why the client does not do its work yet. What it watches may be down: that is no reason. */
function untried(targets: readonly Target[]): string | undefined {
  const urls = targets.filter(({ tried }) => !tried).map(({ url }) => url)
  return urls.length > 0 ? `not yet tried: ${urls.join(' ')}` : undefined
}

/** What the admin endpoint shows of every open connection. */
function describeConnections(targets: readonly Target[]): object {
  const nowMs = performance.now()
  return {
    connections: targets.flatMap(({ url, counters }) =>
      [...counters.connections].map(
        ({ localAddress, remoteAddress, openedAtMs, sentBytes, receivedBytes, answered, outstanding }) => ({
          target: url,
          localAddress,
          remoteAddress,
          ageMs: Math.round(nowMs - openedAtMs),
          sentBytes,
          receivedBytes,
          answered,
          outstanding,
        }),
      ),
    ),
  }
}
