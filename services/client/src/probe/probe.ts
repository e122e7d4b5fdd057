import { isIP } from 'node:net'
import type { Logger } from '@nihao/service'
import type { ProbeConfig, ProbeValues } from '../settings.ts'
import { type Observer, Target } from '../target.ts'
import { Addresses, type Host } from './addresses.ts'
import { TargetLog } from './target-log.ts'
import { Work } from './work.ts'

/** The mode that runs until it is told to stop: sessions on every target, with exchanges on a fixed schedule. */
export class Probe {
  readonly targets: readonly Target<ProbeValues>[]
  readonly #config: ProbeConfig
  readonly #logger: Logger
  readonly #stops: (() => Promise<void>)[] = []
  #summaries: NodeJS.Timeout | undefined
  #stopping = false

  constructor(config: ProbeConfig, observer: (target: string) => Observer, logger: Logger) {
    this.targets = config.targetConfigs.map(target => new Target(target, observer, logger))
    this.#config = config
    this.#logger = logger
  }

  get stopping(): boolean {
    return this.#stopping
  }

  start(): void {
    this.#config.targetConfigs.forEach(({ endpoint: { address } }, index) => {
      const target = this.targets[index] as Target<ProbeValues>
      const named = 'host' in address && isIP(address.host) === 0
      const log = new TargetLog(target.logger)
      const stop = named && target.values.resolve === 'all' ? workOnAll(target, log, address.host) : workOn(target, log)
      this.#stops.push(() => stop().finally(() => log.flush()))
    })
    const { summaryInterval } = this.#config
    if (summaryInterval > 0) this.#summaries = setInterval(() => this.#summarise(), summaryInterval)
  }

  /** Starts nothing more, and resolves when all that is under way is over. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#summaries)
    await Promise.all(this.#stops.map(stop => stop()))
    this.#logger.info(Object.fromEntries(this.targets.map(target => [target.url, target.totals()])), 'stopped')
  }

  #summarise(): void {
    for (const target of this.targets) target.logger.info(target.summary(), 'summary')
  }
}

/** @returns stops it */
function workOn(target: Target<ProbeValues>, log: TargetLog): () => Promise<void> {
  const work = new Work(target, log, undefined)
  return () => work.stop()
}

/**
 * Works on each address of a name by itself, as they come and go.
 * @returns stops it
 */
function workOnAll(target: Target<ProbeValues>, log: TargetLog, name: string): () => Promise<void> {
  const works = new Map<Host, Work>()
  const ending = new Set<Promise<void>>()
  const end = (work: Work | undefined) => {
    const ended = work?.stop() ?? Promise.resolve()
    ending.add(ended)
    void ended.then(() => ending.delete(ended))
  }
  const events = {
    found: (host: Host) => void works.set(host, new Work(target, log, host)),
    gone(host: Host) {
      end(works.get(host))
      works.delete(host)
    },
  }
  const addresses = new Addresses(name, target.values.resolveInterval, events, target.logger)
  void addresses.follow()
  return async () => {
    addresses.stop()
    for (const work of works.values()) end(work)
    await Promise.all(ending)
  }
}
