import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import { Connection, type Exchange } from '../connection.ts'
import { ExpiringQueue } from '../expiring-queue.ts'
import type { Failure } from '../failure.ts'
import type { ProbeValues } from '../settings.ts'
import type { ConnectionOwner, Target } from '../target.ts'
import type { Host } from './addresses.ts'
import { nameOf, Outages } from './outage.ts'
import type { TargetLog } from './target-log.ts'

/** A target's use of one connection that is kept open: connects, connects again when it breaks, and never stops on its own. */
export class Session implements ConnectionOwner {
  readonly #target: Target<ProbeValues>
  readonly #log: TargetLog
  readonly #host: Host
  readonly #outages: Outages
  readonly #stopping = new AbortController()
  #connection: Connection | undefined
  /** Since the last good exchange. */
  #failures = 0
  /** Settles when there is no connection any more, however many it was that followed each other. */
  #gone = Promise.withResolvers<void>()
  /** Exchanges that were due while there was no connection. They go out on the next one if it comes in time. */
  readonly #waiting = new ExpiringQueue<Exchange>(() => this.#giveUp())

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(target: Target<ProbeValues>, log: TargetLog, host: Host) {
    this.#target = target
    this.#log = log
    this.#host = host
    this.#outages = new Outages(target, log)
  }

  /** Starts the exchange that was due at `intendedMs`. */
  exchange(intendedMs: number): void {
    const exchange = this.#target.newExchange(intendedMs)
    if (this.#connection === undefined) this.#waiting.push(exchange)
    else this.#connection.send(exchange)
  }

  /** Resolves when the session was stopped and its connection is closed. */
  async run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const connection = await this.#target.connect(this, signal, { host: this.#host })
      if (connection instanceof Connection) {
        this.#use(connection)
        await this.#gone.promise
      } else if (!signal.aborted) this.#outages.failed(connection, false)
      await this.#backOff(this.#failures++)
    }
    this.#outages.stop()
  }

  /** Sends nothing more; the connection ends when what is outstanding is answered or too late. */
  stop(): void {
    this.#stopping.abort()
    this.#waiting.clear()
    this.#connection?.finish(this.#target.values.timeout)
  }

  answered(connection: Connection, roundTripMs: number): void {
    this.#failures = 0
    this.#outages.succeeded(connection)
    this.#target.greeted(connection, roundTripMs)
  }

  closed(connection: Connection, failure: Failure | undefined, lostExchanges: number): void {
    const current = connection === this.#connection
    // The connection that was left on time may end as it likes, unless it takes an exchange along.
    if (failure !== undefined && (current || lostExchanges > 0)) this.#outages.failed(failure, true, lostExchanges)
    if (!current) return
    this.#connection = undefined
    this.#gone.resolve()
  }

  /** Moves over to another connection while this one still works: a planned restart costs no exchange and is no outage. */
  async goAway(old: Connection, reason: string): Promise<void> {
    if (old.finishReason === 'goaway') return
    old.finishReason = 'goaway'
    const { signal } = this.#stopping
    for (let failures = 0; this.#connection === old && !signal.aborted; failures++) {
      const next = await this.#target.connect(this, signal, { host: this.#host })
      if (next instanceof Connection && this.#connection === old && !signal.aborted) {
        this.#connection = next
        this.#target.counters.handovers++
        this.#log.add({
          level: 'info',
          message: 'handover',
          messageOfMany: 'handovers',
          kind: { reason },
          details: { left: nameOf(old), found: nameOf(next) },
        })
        old.finish(this.#target.values.timeout)
      } else if (next instanceof Connection) next.finish(this.#target.values.timeout)
      else await this.#backOff(failures)
    }
  }

  #use(connection: Connection): void {
    this.#gone = Promise.withResolvers<void>()
    this.#connection = connection
    if (this.#stopping.signal.aborted) connection.finish(this.#target.values.timeout)
    for (const exchange of this.#waiting.clear()) connection.send(exchange)
  }

  async #backOff(failures: number): Promise<void> {
    const { backoff, backoffMax } = this.#target.values
    await delay(backoffMs(failures, backoff, backoffMax), undefined, { signal: this.#stopping.signal }).catch(() => {})
  }

  #giveUp(): void {
    const failure: Failure = this.#outages.failure ?? { reason: 'timeout' }
    this.#target.failed(failure.reason)
    this.#outages.failed(failure, false, 1)
  }
}
