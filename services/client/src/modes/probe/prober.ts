import { isIP } from 'node:net'
import { EventLoopMonitor, KernelSockets, type Logger } from '@nihao/service'
import type { NewObserver } from '../../observer.ts'
import { FirstSuccess } from '../../outages/availability.ts'
import type { Instruments } from '../../outages/facts.ts'
import { PeerSet } from '../../peers/peer-set.ts'
import { requestsOfSizes } from '../../requests.ts'
import type { ProbeConfig, ProbeValues, TargetConfig } from '../../settings.ts'
import { Target } from '../../target.ts'
import { type ProbeContext, probeAddresses } from './probe-addresses.ts'
import { SessionLog } from './session-log.ts'
import { TargetProber } from './target-prober.ts'

/** Probes every target on a fixed schedule until it is stopped. */
export class Prober {
  readonly targets: readonly Target<ProbeValues>[]
  readonly #config: ProbeConfig
  readonly #logger: Logger
  readonly #eventLoop = new EventLoopMonitor()
  readonly #instruments: Instruments = { kernel: new KernelSockets(), eventLoop: this.#eventLoop }
  readonly #stops: (() => Promise<void>)[] = []
  #summaries: NodeJS.Timeout | undefined
  #stopping = false

  constructor(config: ProbeConfig, newObserver: NewObserver, logger: Logger) {
    const summaries = config.summaryInterval > 0
    const stalledMs = (sinceMs: number) => this.#eventLoop.stalledMs(sinceMs)
    this.targets = config.targetConfigs.map(target => {
      const { sizes, expectSource, peerLabel, maxPeers } = target.values
      const options = { ...target, nextRequest: requestCycle(target) }
      const peers = resolvesAll(target) ? new PeerSet(peerLabel, maxPeers) : undefined
      return new Target(options, newObserver, logger, { summaries, stalledMs, sizes, expectSource }, peers)
    })
    this.#config = config
    this.#logger = logger
  }

  get stopping(): boolean {
    return this.#stopping
  }

  start(): void {
    this.#eventLoop.start()
    this.#config.targetConfigs.forEach((config, index) => {
      const target = this.targets[index] as Target<ProbeValues>
      const log = SessionLog.to(target.logger, (kind, fields) => target.statistics.event(kind, fields))
      const context = { target, log, instruments: this.#instruments }
      const { peers } = target
      const stop = peers === undefined ? probeOne(context) : probeAddresses(context, hostOf(config), peers)
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
    this.#eventLoop.stop()
    const totals = this.targets.map(({ label, counters }) => [label, counters.totals()])
    this.#logger.info(Object.fromEntries(totals), 'stopped')
  }

  #summarise(): void {
    for (const { logger, statistics } of this.targets) logger.info(statistics.summary(), 'summary')
  }
}

const hostOf = ({ endpoint: { address } }: TargetConfig) => ('host' in address ? address.host : '')

/** Whether each address of the target's host name is used. */
function resolvesAll(config: TargetConfig<ProbeValues>): boolean {
  const host = hostOf(config)
  return config.values.resolve === 'all' && host !== '' && isIP(host) === 0
}

/** @returns stops it */
function probeOne(context: ProbeContext): () => Promise<void> {
  const firstSuccess = new FirstSuccess(context.target.logger)
  const prober = new TargetProber({ ...context, firstSuccess, host: undefined, patient: false, leaving: () => {} })
  return () => prober.stop()
}

/** Goes through the sizes in turn. Sessions take turns as well: each of them gets every size. */
function requestCycle({ endpoint, values: { sizes, connections } }: TargetConfig<ProbeValues>): (() => Buffer) | undefined {
  if (sizes === null) return undefined
  const requests = requestsOfSizes(sizes, endpoint.protocol)
  let exchanges = 0
  return () => requests[Math.floor(exchanges++ / Math.max(1, connections)) % requests.length] as Buffer
}
