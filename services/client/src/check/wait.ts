import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@nihao/service'
import { judge } from './judge.ts'
import type { Result } from './report.ts'
import type { CheckTarget } from './scene.ts'

/** Between two attempts. */
const PAUSE_MS = 250

/**
 * Waits until there was an exchange with each target, all at the same time, and no longer than `waitMs`: a connection alone proves nothing where
 * a proxy accepts for servers that have not started. What does not come is left to the checks to tell.
 */
export async function waitFor(
  waitMs: number,
  targets: readonly CheckTarget[],
  interrupt: AbortSignal,
  logger: Logger,
): Promise<void> {
  if (waitMs > 0) await Promise.all(targets.map(target => waitForTarget(target, waitMs, interrupt, logger)))
}

async function waitForTarget(config: CheckTarget, waitMs: number, interrupt: AbortSignal, logger: Logger): Promise<void> {
  const log = logger.child({ target: config.label })
  const startMs = performance.now()
  log.info({ waitMs }, 'waiting')
  const result = await untilAnswered(config, waitMs, interrupt)
  const waitedMs = Math.round(performance.now() - startMs)
  if (result?.verdict === 'ok') log.info({ waitedMs }, 'there')
  else if (!interrupt.aborted) {
    log.warn({ waitedMs, ...(result?.verdict === 'failed' && { reason: result.reason, detail: result.detail }) }, 'not there')
  }
}

/**
 * Tries again and again to make an exchange.
 * @returns the good one, or the last one that failed within the time
 */
export async function untilAnswered(config: CheckTarget, forMs: number, interrupt: AbortSignal): Promise<Result | undefined> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(forMs)])
  let last: Result | undefined
  while (!signal.aborted) {
    const result = await judge('exchange', config, signal)
    if (result.verdict !== 'skipped') last = result
    if (result.verdict === 'ok') break
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
  return last
}
