import { setTimeout as delay } from 'node:timers/promises'
import type { Result } from '../../report/results.ts'
import type { CheckTarget } from './check-target.ts'
import { runOneCheck } from './run-one-check.ts'

/** Pause between two attempts. */
const PAUSE_MS = 250

/**
 * Waits in parallel, for at most `waitMs`, for a successful exchange with each target. A connection alone would prove nothing, because a
 * proxy may accept connections for servers that have not started.
 */
export async function waitForTargets(waitMs: number, targets: readonly CheckTarget[], interrupt: AbortSignal): Promise<void> {
  if (waitMs > 0) await Promise.all(targets.map(target => waitForTarget(target, waitMs, interrupt)))
}

async function waitForTarget(target: CheckTarget, waitMs: number, interrupt: AbortSignal): Promise<void> {
  const { logger } = target
  const startMs = performance.now()
  logger.info({ waitMs }, 'waiting for target')
  const result = await untilAnswered(target, waitMs, interrupt)
  const waitedMs = Math.round(performance.now() - startMs)
  if (result?.verdict === 'ok') logger.info({ waitedMs }, 'target is up')
  else if (!interrupt.aborted) {
    const failure = result?.verdict === 'failed' && { reason: result.reason, detail: result.detail }
    logger.warn({ waitedMs, ...failure }, 'gave up waiting')
  }
}

/**
 * Repeats the check `exchange` until it succeeds.
 * @returns the successful result, or the last failure before `forMs`
 */
export async function untilAnswered(target: CheckTarget, forMs: number, interrupt: AbortSignal): Promise<Result | undefined> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(forMs)])
  let last: Result | undefined
  while (!signal.aborted) {
    const result = await runOneCheck('exchange', target, signal)
    if (result.verdict !== 'skipped') last = result
    if (result.verdict === 'ok') break
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
  return last
}
