import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import type { Failure } from '../failure.ts'
import type { ReconnectValues } from '../settings.ts'
import type { Target } from '../target.ts'
import { Connection } from './connection.ts'
import type { ConnectionEvents, Exchange } from './connection-events.ts'

export interface ReconnectingEvents {
  /** A connection is ready: the first one, one after a failure, or the next one in a handover. */
  connected(connection: Connection): void
  /** An attempt to connect failed. */
  notConnected(failure: Failure): void
  answered(connection: Connection, exchange: Exchange, roundTripMs: number, nowMs: number, count: number): void
  /** As in `ConnectionEvents`. */
  timedOut?(connection: Connection): Promise<unknown>
  /** Precedes `connected`: the server asked the client to reconnect, and `next` replaces `old`. */
  handedOver?(old: Connection, next: Connection): void
  /** @param current false if this connection had already been replaced */
  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[], current: boolean): void
}

/**
 * Keeps one connection open: reconnects with backoff after a failure and, if the server asks for it, moves to a new connection while the
 * old one still works.
 */
export class ReconnectingConnection implements ConnectionEvents {
  readonly #target: Target<ReconnectValues>
  readonly #events: ReconnectingEvents
  readonly #host: string | undefined
  readonly #stopping = new AbortController()
  readonly #tried = Promise.withResolvers<void>()
  readonly #open = new Map<Connection, PromiseWithResolvers<void>>()
  #current: Connection | undefined
  #lost = Promise.withResolvers<void>()
  /** Failures since the last reply. */
  #failures = 0

  /** @param host one of the target's addresses; undefined = any of them */
  constructor(target: Target<ReconnectValues>, events: ReconnectingEvents, host?: string) {
    this.#target = target
    this.#events = events
    this.#host = host
  }

  /** The connection to send on, if any. */
  get current(): Connection | undefined {
    return this.#current
  }

  /** Resolves when the first connection attempt has succeeded or failed. */
  get tried(): Promise<void> {
    return this.#tried.promise
  }

  get stopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Resolves once stopped, when all connections are closed. */
  async run(): Promise<void> {
    while (!this.stopping) {
      const result = await this.#connect()
      if (result instanceof Connection) {
        this.#use(result)
        await this.#lost.promise
      } else if (!this.stopping) this.#events.notConnected(result)
      this.#tried.resolve()
      await this.#backOff()
    }
    await Promise.all([...this.#open.values()].map(({ promise }) => promise))
  }

  /** Stops reconnecting; the connection closes once every outstanding exchange is answered or late. */
  stop(): void {
    this.#stopping.abort()
    if (this.#current !== undefined) this.#finish(this.#current)
  }

  answered(connection: Connection, exchange: Exchange, roundTripMs: number, nowMs: number, count: number): void {
    this.#failures = 0
    this.#events.answered(connection, exchange, roundTripMs, nowMs, count)
  }

  timedOut(connection: Connection): Promise<unknown> | undefined {
    return this.#events.timedOut?.(connection)
  }

  goAway(connection: Connection): void {
    if (connection === this.#current) void this.#handOver(connection)
  }

  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[]): void {
    this.#open.get(connection)?.resolve()
    this.#open.delete(connection)
    const current = connection === this.#current
    if (current) this.#current = undefined
    this.#events.closed(connection, failure, lost, current)
    if (current) this.#lost.resolve()
  }

  async #connect(): Promise<Connection | Failure> {
    const result = await this.#target.connector.connect(this, this.#stopping.signal, { host: this.#host })
    if (result instanceof Connection) this.#open.set(result, Promise.withResolvers())
    return result
  }

  #use(next: Connection): void {
    if (this.stopping) {
      this.#finish(next)
      this.#lost.resolve()
      return
    }
    const old = this.#current
    if (old === undefined) this.#lost = Promise.withResolvers()
    this.#current = next
    this.#tried.resolve()
    if (old !== undefined) {
      this.#target.statistics.handedOver()
      this.#events.handedOver?.(old, next)
      this.#finish(old)
    }
    this.#events.connected(next)
    // A draining server may ask for a new connection as soon as it has accepted this one.
    if (next.goAwayReason !== undefined) void this.#handOver(next)
  }

  async #handOver(old: Connection): Promise<void> {
    if (old.answered === 0) await this.#backOff()
    while (this.#current === old && !this.stopping) {
      const next = await this.#connect()
      if (!(next instanceof Connection)) await this.#backOff()
      else if (this.#current === old) return this.#use(next)
      else this.#finish(next)
    }
  }

  #finish(connection: Connection): void {
    connection.finish(this.#target.values.timeout)
  }

  async #backOff(): Promise<void> {
    const { backoff, backoffMax } = this.#target.values
    const waitMs = backoffMs(this.#failures++, backoff, backoffMax)
    await delay(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }
}
