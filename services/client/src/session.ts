import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from './backoff.ts'
import { Connection, type Exchange } from './connection.ts'
import { ExpiringQueue } from './expiring-queue.ts'
import type { Failure } from './failure.ts'
import { Outages } from './outage.ts'
import type { Target } from './target.ts'

/** A target's use of one connection that is kept open: connects, connects again when it breaks, and never stops on its own. */
export class Session {
  readonly #target: Target
  readonly #outages: Outages
  readonly #stopping = new AbortController()
  #connection: Connection | undefined
  /** Exchanges that were due while there was no connection. They go out on the next one if it comes in time. */
  readonly #waiting = new ExpiringQueue<Exchange>(() => this.#giveUp())

  constructor(target: Target) {
    this.#target = target
    this.#outages = new Outages(target)
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
    const { backoff, backoffMax } = this.#target.values
    for (let failures = 0; !signal.aborted; failures++) {
      const answered = await this.#connectAndUse(signal)
      if (answered > 0) failures = 0
      await delay(backoffMs(failures, backoff, backoffMax), undefined, { signal }).catch(() => {})
    }
    this.#outages.stop()
  }

  /** Sends nothing more; the connection ends when what is outstanding is answered or too late. */
  stop(): void {
    this.#stopping.abort()
    this.#waiting.clear()
    this.#connection?.finish(this.#target.values.timeout)
  }

  /** Resolves at the end of the connection, with the number of exchanges that were answered on it. */
  async #connectAndUse(signal: AbortSignal): Promise<number> {
    const closed = Promise.withResolvers<void>()
    const connection = await this.#target.connect(
      {
        answered: roundTripMs => this.#answered(roundTripMs),
        closed: (failure, lostExchanges) => {
          this.#connection = undefined
          if (failure !== undefined) this.#outages.failed(failure, true, lostExchanges)
          closed.resolve()
        },
      },
      signal,
    )
    if (!(connection instanceof Connection)) {
      if (!signal.aborted) this.#outages.failed(connection, false)
      return 0
    }
    this.#connection = connection
    if (signal.aborted) connection.finish(this.#target.values.timeout)
    for (const exchange of this.#waiting.clear()) connection.send(exchange)
    await closed.promise
    return connection.answered
  }

  #answered(roundTripMs: number): void {
    if (this.#connection === undefined) return
    this.#outages.succeeded(this.#connection.remoteAddress)
    this.#target.greeted(this.#connection, roundTripMs)
  }

  #giveUp(): void {
    const failure: Failure = this.#outages.failure ?? { reason: 'timeout' }
    this.#target.failed(failure.reason)
    this.#outages.failed(failure, false, 1)
  }
}
