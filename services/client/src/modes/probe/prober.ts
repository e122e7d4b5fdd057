import { isIP } from 'node:net'
import type { Logger } from '@nihao/service'
import type { ProbeConfig, ProbeValues } from '../../settings.ts'
import type { Observer } from '../../statistics.ts'
import { Target } from '../../target.ts'
import { Addresses, type Host } from './addresses.ts'
import { SessionLog } from './session-log.ts'
import { TargetProber } from './target-prober.ts'

/** Probes every target on a fixed schedule until it is stopped. */
export class Prober {
  readonly targets: readonly Target<ProbeValues>[]
  readonly #config: ProbeConfig
  readonly #logger: Logger
  readonly #stops: (() => Promise<void>)[] = []
  #summaries: NodeJS.Timeout | undefined
  #stopping = false

  constructor(config: ProbeConfig, newObserver: (target: string) => Observer, logger: Logger) {
    const summaries = config.summaryInterval > 0
    this.targets = config.targetConfigs.map(target => new Target(target, newObserver, logger, { summaries }))
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
      const log = new SessionLog(target.logger)
      const stop = named && target.values.resolve === 'all' ? probeAll(target, log, address.host) : probeOne(target, log)
      this.#stops.push(() => stop().finally(() => log.flush()))
    })
    const { summaryInterval } = this.#config
    if (summaryInterval > 0) this.#summaries = setInterval(() => this.#summarise(), summaryInterval)
  }

  /** Starts nothing more, and resolves when everything that was started is over. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#summaries)
    await Promise.all(this.#stops.map(stop => stop()))
    const totals = this.targets.map(({ label, counters }) => [label, counters.totals()])
    this.#logger.info(Object.fromEntries(totals), 'stopped')
  }

  #summarise(): void {
    for (const { logger, statistics } of this.targets) logger.info(statistics.summary(), 'summary')
  }
}

/** @returns stops it */
function probeOne(target: Target<ProbeValues>, log: SessionLog): () => Promise<void> {
  const prober = new TargetProber(target, log, undefined)
  return () => prober.stop()
}

/**
 * Probes each address of a name separately, as addresses come and go.
 * @returns stops it
 */
function probeAll(target: Target<ProbeValues>, log: SessionLog, name: string): () => Promise<void> {
  const probers = new Map<Host, TargetProber>()
  const ending = new Set<Promise<void>>()
  const end = (prober: TargetProber | undefined) => {
    const ended = prober?.stop() ?? Promise.resolve()
    ending.add(ended)
    void ended.then(() => ending.delete(ended))
  }
  const events = {
    found: (host: Host) => void probers.set(host, new TargetProber(target, log, host)),
    gone(host: Host) {
      end(probers.get(host))
      probers.delete(host)
    },
  }
  const addresses = new Addresses(name, target.values.resolveInterval, events, target.logger)
  void addresses.follow()
  return async () => {
    addresses.stop()
    for (const prober of probers.values()) end(prober)
    await Promise.all(ending)
  }
}
