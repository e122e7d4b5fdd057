import type { Connection } from '../../connect/connection.ts'
import type { Exchange } from '../../connect/connection-events.ts'
import { ReconnectingConnection, type ReconnectingEvents } from '../../connect/reconnecting-connection.ts'
import { ExpiringQueue } from '../../expiring-queue.ts'
import type { Failure } from '../../failure.ts'
import type { ProbeValues } from '../../settings.ts'
import type { Target } from '../../target.ts'
import type { Host } from './addresses.ts'
import { OutageTracker } from './outage-tracker.ts'
import type { SessionLog } from './session-log.ts'

/** Exchanges of a target on one connection that is kept open. */
export class Session implements ReconnectingEvents {
  readonly #target: Target<ProbeValues>
  readonly #log: SessionLog
  readonly #outages: OutageTracker
  readonly #connection: ReconnectingConnection
  /** Exchanges that were due without a connection. The next connection sends them if it comes in time. */
  readonly #waiting = new ExpiringQueue<Exchange>(() => this.#giveUp())

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(target: Target<ProbeValues>, log: SessionLog, host: Host) {
    this.#target = target
    this.#log = log
    this.#outages = new OutageTracker(target, log)
    this.#connection = new ReconnectingConnection(target, this, host)
  }

  /** Starts the exchange that was due at `intendedMs`. */
  exchange(intendedMs: number): void {
    const exchange = this.#target.newExchange(intendedMs)
    const { current } = this.#connection
    if (current === undefined) this.#waiting.push(exchange)
    else current.send(exchange)
  }

  /** Resolves when the session was stopped and its connection is closed. */
  async run(): Promise<void> {
    await this.#connection.run()
    this.#outages.stop()
  }

  /** Sends nothing more; the connection closes when every outstanding exchange is answered or late. */
  stop(): void {
    this.#waiting.clear()
    this.#connection.stop()
  }

  connected(connection: Connection): void {
    for (const exchange of this.#waiting.clear()) connection.send(exchange)
  }

  notConnected(failure: Failure): void {
    this.#outages.failed(failure, { connected: false })
  }

  answered(connection: Connection, _: Exchange, roundTripMs: number): void {
    this.#outages.succeeded(connection)
    this.#target.logFirstReply(connection, roundTripMs)
  }

  handedOver(old: Connection, next: Connection): void {
    this.#log.add({
      level: 'info',
      message: 'handover',
      messageOfMany: 'handovers',
      kind: { reason: old.goAwayReason ?? '' },
      details: { left: old.peerName, found: next.peerName },
    })
  }

  closed(_: Connection, failure: Failure | undefined, lost: readonly Exchange[], current: boolean): void {
    // How a connection ends that was left in time does not matter, unless an exchange is lost with it.
    if (failure !== undefined && (current || lost.length > 0)) {
      this.#outages.failed(failure, { connected: true, lostExchanges: lost.length })
    }
  }

  #giveUp(): void {
    const failure: Failure = this.#outages.failure ?? { reason: 'timeout' }
    this.#target.statistics.exchangeFailed(failure.reason)
    this.#outages.failed(failure, { connected: false, lostExchanges: 1 })
  }
}
