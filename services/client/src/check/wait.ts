import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@nihao/service'
import { endpointUrl } from '@nihao/wire'
import type { ClientConfig, TargetConfig } from '../settings.ts'
import { judge } from './judge.ts'

/** Between two attempts. */
const PAUSE_MS = 250

/**
 * Waits until there was an exchange with each target, all at the same time, and no longer than `wait` says: a connection alone proves nothing where
 * a proxy accepts for servers that have not started. What does not come is left to the checks to tell.
 */
export async function waitFor({ wait, targetConfigs }: ClientConfig, interrupt: AbortSignal, logger: Logger): Promise<void> {
  if (wait > 0) await Promise.all(targetConfigs.map(config => waitForTarget(config, wait, interrupt, logger)))
}

async function waitForTarget(config: TargetConfig, waitMs: number, interrupt: AbortSignal, logger: Logger): Promise<void> {
  const log = logger.child({ target: endpointUrl(config.endpoint) })
  const startMs = performance.now()
  const waitedMs = () => Math.round(performance.now() - startMs)
  const overdue = AbortSignal.timeout(waitMs)
  const signal = AbortSignal.any([interrupt, overdue])
  log.info({ waitMs }, 'waiting')
  let last: object = {}
  while (!signal.aborted) {
    const result = await judge('exchange', config, signal)
    if (result.verdict === 'ok') {
      log.info({ waitedMs: waitedMs() }, 'there')
      return
    }
    if (result.verdict === 'failed') last = { reason: result.reason, detail: result.detail }
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
  if (!interrupt.aborted) log.warn({ waitedMs: waitedMs(), ...last }, 'not there')
}
