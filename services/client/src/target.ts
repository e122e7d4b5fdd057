import type { Logger } from '@nihao/service'
import type { Connection } from './connect/connection.ts'
import type { Exchange } from './connect/connection-events.ts'
import { Connector, type TargetOptions } from './connect/connector.ts'
import type { TargetCounters } from './counters.ts'
import type { NewObserver } from './observer.ts'
import type { PeerSet } from './peers/peer-set.ts'
import { round } from './round.ts'
import type { CommonValues } from './settings.ts'
import { type StatisticsOptions, TargetStatistics } from './statistics.ts'

/** An endpoint of the client: its connector opens connections, and its statistics subscribe to their events. */
export class Target<Values extends CommonValues = CommonValues> {
  readonly label: string
  readonly values: TargetOptions<Values>['values']
  readonly logger: Logger
  readonly statistics: TargetStatistics
  readonly connector: Connector
  /** The addresses of its name, where each is used (resolve=all). */
  readonly peers: PeerSet | undefined
  readonly #nextRequest: (() => Buffer) | undefined
  #replied = false

  /** @throws {CredentialsError} */
  constructor(
    options: TargetOptions<Values>,
    newObserver: NewObserver,
    logger: Logger,
    statistics: StatisticsOptions = {},
    peers?: PeerSet,
  ) {
    this.peers = peers
    this.label = options.label
    this.values = options.values
    this.logger = logger.child({ target: this.label })
    this.statistics = new TargetStatistics(newObserver(this.label, options.endpoint.protocol), this.logger, statistics)
    this.#nextRequest = options.nextRequest
    this.connector = new Connector(options, this.statistics, this.logger)
  }

  get counters(): TargetCounters {
    return this.statistics.counters
  }

  get encrypted(): boolean {
    return this.connector.encrypted
  }

  /** True once an exchange has succeeded or failed, or there is nobody to exchange with. */
  get tried(): boolean {
    return this.statistics.last !== undefined || this.peers?.alone === true
  }

  /** True if the last exchange succeeded, with each of the peers. */
  get good(): boolean {
    if (this.peers?.alone) return true
    return this.statistics.last?.good === true && !this.peers?.failing
  }

  newExchange(intendedMs: number): Exchange {
    this.statistics.exchangeStarted(intendedMs, performance.now())
    return { intendedMs, deadlineMs: intendedMs + this.values.timeout, sentMs: 0, request: this.#nextRequest?.() }
  }

  /** Logs the first reply, to show that the target works. */
  logFirstReply({ localAddress, remoteAddress, hello, codec }: Connection, roundTripMs: number): void {
    if (this.#replied) return
    this.#replied = true
    const server = hello && { serverName: hello.server }
    this.logger.info(
      { localAddress, remoteAddress, ...server, reply: codec.replyText, roundTripMs: round(roundTripMs) },
      'first reply',
    )
  }

  /** The state of the target, for `/targets`. */
  describe(): object {
    const { last, lastOutage, availability, counters, sizes } = this.statistics
    const { lastSuccessMs, connections } = counters
    const { good, tried, peers } = this
    return {
      target: this.label,
      state: good ? 'good' : tried ? 'failing' : 'untried',
      ...(last && { ...last, good }),
      lastSuccess: lastSuccessMs === 0 ? null : new Date(lastSuccessMs).toISOString(),
      down: availability.down,
      ...(lastOutage && { lastOutage }),
      connections: connections.size,
      ...counters.totals(),
      ...(sizes && { failuresBySize: sizes.failures.filter(({ count }) => count > 0) }),
      ...(peers && { peers: peers.describe() }),
    }
  }
}
