import type { Connection } from '../../connect/connection.ts'
import type { Exchange } from '../../connect/connection-events.ts'
import { ReconnectingConnection, type ReconnectingEvents } from '../../connect/reconnecting-connection.ts'
import type { Failure } from '../../failure.ts'
import type { LoadValues } from '../../settings.ts'
import type { Target } from '../../target.ts'
import type { Broken, BrokenConnections } from './broken-connections.ts'

export interface LoadConnectionEvents {
  /** The connection can send. */
  connected(connection: LoadConnection): void
  notConnected(failure: Failure): void
  answered(connection: LoadConnection, nowMs: number, count: number): void
  /** The connection failed, with this many exchanges. */
  lost(failure: Failure, exchanges: number): void
}

/** A connection of a load: kept open, with at most `depth` outstanding exchanges. */
export class LoadConnection implements ReconnectingEvents {
  readonly #target: Target<LoadValues>
  readonly #events: LoadConnectionEvents
  readonly #connection: ReconnectingConnection
  /** Sent again at the same time: at a million per second, one object for each exchange would be a tenth of the work. */
  #last: Exchange = { intendedMs: Number.NaN, deadlineMs: Number.NaN, sentMs: Number.NaN }

  readonly #brokenConnections: BrokenConnections
  /** The last one that failed and was not replaced yet. */
  #broken: Broken | undefined

  constructor(target: Target<LoadValues>, events: LoadConnectionEvents, brokenConnections: BrokenConnections) {
    this.#target = target
    this.#events = events
    this.#brokenConnections = brokenConnections
    this.#connection = new ReconnectingConnection(target, this)
  }

  /** Resolves when the first connection attempt has succeeded or failed. */
  get tried(): Promise<void> {
    return this.#connection.tried
  }

  get isConnected(): boolean {
    return this.#connection.current !== undefined
  }

  /** True if an exchange can be sent immediately. */
  get free(): boolean {
    const { current } = this.#connection
    return current !== undefined && current.outstanding < this.#target.values.depth
  }

  /** True if the server never replies, so that sending must yield to the event loop. */
  get oneWay(): boolean {
    return this.#connection.current?.codec.oneWay ?? false
  }

  /** Sends an exchange. The timeout of its reply starts now, regardless of how long the exchange waited. */
  send(intendedMs: number, nowMs: number): void {
    if (intendedMs !== this.#last.intendedMs || nowMs !== this.#last.sentMs) {
      this.#last = { intendedMs, deadlineMs: nowMs + this.#target.values.timeout, sentMs: nowMs }
    }
    this.#connection.current?.send(this.#last, nowMs)
  }

  run(): Promise<void> {
    return this.#connection.run()
  }

  stop(): void {
    this.#connection.stop()
  }

  /** The connection is closed, and no other replaces it. */
  ended(): void {
    this.#replaced(undefined)
  }

  connected(next: Connection): void {
    this.#replaced(next)
    this.#events.connected(this)
  }

  notConnected(failure: Failure): void {
    if (this.#broken !== undefined) this.#broken.connectFailure ??= failure
    this.#events.notConnected(failure)
  }

  answered(_connection: Connection, _exchange: Exchange, _roundTripMs: number, nowMs: number, count: number): void {
    this.#events.answered(this, nowMs, count)
  }

  timedOut(connection: Connection): Promise<unknown> {
    return this.#brokenConnections.timedOut(connection)
  }

  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[]): void {
    if (failure === undefined) return
    this.#replaced(undefined)
    this.#broken = this.#brokenConnections.broke(connection, failure, lost)
    this.#events.lost(failure, lost.length)
  }

  /** @param next the connection that replaced the last one that failed; undefined: none did */
  #replaced(next: Connection | undefined): void {
    if (this.#broken !== undefined) this.#brokenConnections.replaced(this.#broken, next)
    this.#broken = undefined
  }
}
