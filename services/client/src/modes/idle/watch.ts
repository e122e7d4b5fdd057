import { setTimeout as delay } from 'node:timers/promises'
import { EXIT, json, type Logger, stopOnSignal } from '@nihao/service'
import type { Registry } from 'prom-client'
import { startTargetsAdmin } from '../../admin.ts'
import { registerCounts } from '../../metrics.ts'
import { type Records, recordPages } from '../../records.ts'
import type { IdleConfig } from '../../settings.ts'
import type { Target } from '../../target.ts'
import { findings, type Ladder } from './ladder.ts'
import { registerLadders } from './metrics.ts'
import { describeLadder } from './report.ts'

export interface Watch {
  readonly config: IdleConfig
  readonly logger: Logger
  readonly registry: Registry
  readonly records: Records
  readonly targets: readonly Target[]
  readonly newLadders: () => Ladder[]
}

/** Repeats the ladders until a signal arrives; the log, metrics and `/ladders` show the findings. */
export async function watchIdle({ config, logger, registry, records, targets, newLadders }: Watch): Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  let ladders = newLadders()
  registerCounts(registry, targets)
  const record = registerLadders(registry, ladders)
  const pages = {
    '/ladders': () => json(200, { ladders: ladders.map(describeLadder) }),
    ...recordPages(records.start(targets), records),
  }
  const climb = async (ladder: Ladder) => {
    await ladder.climb(signal)
    if (signal.aborted) return
    record(ladder)
    const { target, ...found } = describeLadder(ladder)
    ladder.target.logger[findings(ladder).firstDeath === undefined ? 'info' : 'warn'](found, 'ladder completed')
  }
  const climbAgain = async () => {
    while (!signal.aborted) {
      await Promise.all(ladders.map(climb))
      await delay(config.repeat, undefined, { signal }).catch(() => {})
      if (!signal.aborted) ladders = newLadders()
    }
  }
  const climbing = Promise.withResolvers<void>()
  // A signal may arrive as soon as the log says that the admin endpoint listens.
  stopOnSignal(logger, async () => {
    stopping.abort()
    await climbing.promise
    logger.info(Object.fromEntries(targets.map(({ label, counters }) => [label, counters.totals()])), 'stopped')
    return EXIT.ok
  })
  const listening = await startTargetsAdmin(config, logger, { targets, registry, stopping: () => signal.aborted, pages })
  if (listening) climbing.resolve(climbAgain())
}
