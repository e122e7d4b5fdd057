import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import { Connection, type Exchange } from '../connection.ts'
import type { Failure } from '../failure.ts'
import type { LoadValues } from '../settings.ts'
import type { ConnectionOwner, Target } from '../target.ts'

export interface WorkerEvents {
  /** The worker has a connection. */
  connected(worker: Worker): void
  /** It has none, and an attempt to get one failed. */
  notConnected(failure: Failure): void
  /** An exchange was answered. */
  answered(worker: Worker, nowMs: number): void
  /** The connection broke, and with it so many exchanges. */
  lost(failure: Failure, exchanges: number): void
}

/** One of the connections that a load goes over: opens it again when it breaks, and leaves it when the server asks for that. */
export class Worker implements ConnectionOwner {
  readonly #target: Target<LoadValues>
  readonly #events: WorkerEvents
  readonly #stopping = new AbortController()
  readonly #tried = Promise.withResolvers<void>()
  readonly #open = new Map<Connection, PromiseWithResolvers<void>>()
  /** Exchanges that are over, to be used again: at a million per second, new ones would be a tenth of the work. */
  readonly #spare: { intendedMs: number; deadlineMs: number; sentMs: number }[] = []
  #connection: Connection | undefined
  #gone = Promise.withResolvers<void>()
  /** Since the last answer. */
  #failures = 0

  constructor(target: Target<LoadValues>, events: WorkerEvents) {
    this.#target = target
    this.#events = events
  }

  /** Resolves when the first attempt to connect is over, well or not. */
  get tried(): Promise<void> {
    return this.#tried.promise
  }

  get connected(): boolean {
    return this.#connection !== undefined
  }

  /** True when an exchange can be sent at once. */
  get free(): boolean {
    return this.#connection !== undefined && this.#connection.outstanding < this.#target.values.depth
  }

  /** True where replies take no way through the event loop, and what follows them has to yield to it. */
  get oneWay(): boolean {
    return this.#connection?.oneWay ?? false
  }

  /** The time limit counts from here: what the client lets wait is no reason to give up a connection. */
  send(intendedMs: number, nowMs: number): void {
    const exchange = this.#spare.pop() ?? { intendedMs, deadlineMs: nowMs, sentMs: nowMs }
    exchange.intendedMs = intendedMs
    exchange.deadlineMs = nowMs + this.#target.values.timeout
    this.#connection?.send(exchange, nowMs)
  }

  /** Resolves when it was stopped and everything is closed. */
  async run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const result = await this.#target.connect(this, signal)
      if (result instanceof Connection) await this.#use(result)
      else if (!signal.aborted) this.#events.notConnected(result)
      this.#tried.resolve()
      const { backoff, backoffMax } = this.#target.values
      await delay(backoffMs(this.#failures++, backoff, backoffMax), undefined, { signal }).catch(() => {})
    }
    this.#tried.resolve()
    await Promise.all([...this.#open.values()].map(({ promise }) => promise))
  }

  /** Closes the connection when what is outstanding is answered or too late. */
  stop(): void {
    this.#stopping.abort()
    if (this.#connection !== undefined) this.#leave(this.#connection)
  }

  answered(_connection: Connection, _roundTripMs: number, nowMs: number, exchange: Exchange): void {
    this.#spare.push(exchange)
    this.#failures = 0
    this.#events.answered(this, nowMs)
  }

  closed(connection: Connection, failure: Failure | undefined, lostExchanges: number): void {
    this.#open.get(connection)?.resolve()
    this.#open.delete(connection)
    this.#forget(connection)
    if (failure !== undefined) this.#events.lost(failure, lostExchanges)
  }

  goAway(connection: Connection): void {
    connection.finishReason = 'goaway'
    if (connection === this.#connection) this.#leave(connection)
  }

  async #use(connection: Connection): Promise<void> {
    this.#open.set(connection, Promise.withResolvers())
    if (connection.finishReason === 'goaway' || this.#stopping.signal.aborted) return this.#leave(connection)
    this.#gone = Promise.withResolvers()
    this.#connection = connection
    this.#tried.resolve()
    this.#events.connected(this)
    await this.#gone.promise
  }

  #leave(connection: Connection): void {
    connection.finish(this.#target.values.timeout)
    this.#forget(connection)
  }

  #forget(connection: Connection): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    this.#gone.resolve()
  }
}
