import type { Connection } from '../../connect/connection.ts'
import type { ConnectionEvents, Exchange } from '../../connect/connection-events.ts'
import { ExpiringQueue } from '../../expiring-queue.ts'
import type { Failure } from '../../failure.ts'
import { OutageTracker, type TrackerContext } from '../../outages/outage-tracker.ts'
import type { Scout, Waiter } from '../../outages/scout.ts'

/** What a session saw of a server that may be on its way out: a FIN, a message that it drains, or the end of its drain. */
export type Leaving = 'suspected' | 'draining' | 'drained'

/** What the sessions with one address share. */
export interface SessionContext extends TrackerContext {
  readonly scout: Scout
  readonly leaving: (leaving: Leaving) => void
  /** There is a connection to the address. */
  readonly connected: () => void
}

/** Exchanges of a target on one connection that is kept open; the scout replaces it. */
export class Session implements ConnectionEvents, Waiter {
  readonly #context: SessionContext
  readonly #outages: OutageTracker
  readonly #open = new Map<Connection, PromiseWithResolvers<void>>()
  /** Exchanges that were due without a connection. The next connection sends them if it comes in time. */
  readonly #waiting = new ExpiringQueue<Exchange>(late => this.#outages.gaveUp(late))
  #current: Connection | undefined
  #nextDueMs = 0
  #stopping = false

  constructor(context: SessionContext) {
    this.#context = context
    this.#outages = new OutageTracker(context)
    context.scout.wait(this)
  }

  /** Starts the exchange that was due at `intendedMs`. */
  exchange(intendedMs: number): void {
    const { target } = this.#context
    const exchange = target.newExchange(intendedMs)
    this.#nextDueMs = intendedMs + target.values.interval
    if (this.#current?.socket.destroyed === false) this.#current.send(exchange)
    else this.#waiting.push(exchange)
    // How a broken connection ended is known when it is closed.
    if (this.#current === undefined) this.#outages.due(intendedMs)
  }

  /** Sends nothing more. Resolves when every outstanding exchange is answered or late and the connections are closed. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#context.scout.leave(this)
    this.#waiting.clear()
    if (this.#current !== undefined) this.#finish(this.#current)
    await Promise.all([...this.#open.values()].map(({ promise }) => promise))
    await this.#outages.stop()
  }

  /** A session that still has a connection, and was asked to leave it, can wait. */
  get dueMs(): number {
    return this.#current === undefined ? this.#nextDueMs : Number.POSITIVE_INFINITY
  }

  connected(next: Connection): void {
    const { target, log, scout, peer } = this.#context
    const old = this.#current
    next.owner = this
    this.#open.set(next, Promise.withResolvers())
    this.#current = next
    this.#context.connected()
    peer?.connected(next)
    if (old !== undefined) {
      target.statistics.handedOver()
      peer?.handedOver()
      const kind = { reason: old.goAwayReason ?? '' }
      const details = { left: old.peerName, found: next.peerName }
      log.add({ level: 'info', message: 'handover', messageOfMany: 'handovers', kind, details })
      this.#finish(old)
    }
    const { failure } = this.#outages
    this.#outages.connected(next)
    this.#sendWaiting(next, failure)
    if (next.goAwayReason === undefined) return
    // A server that drains may ask for the next connection as soon as it has accepted this one.
    scout.fails()
    this.goAway(next)
  }

  notConnected(failure: Failure): void {
    if (failure.reason === 'rejected' && failure.error?.message === 'drain') this.#context.leaving('draining')
    if (this.#current !== undefined) return
    this.#outages.notConnected(failure)
    this.#context.peer?.notConnected(failure.reason)
  }

  handshakeDone(startMs: number, nowMs: number, remoteAddress: string): void {
    this.#outages.handshakeDone(startMs, nowMs, remoteAddress)
  }

  answered(connection: Connection, _: Exchange, roundTripMs: number, nowMs: number): void {
    if (connection.answered === 1) {
      this.#context.scout.works()
      this.#context.target.logFirstReply(connection, roundTripMs)
    }
    this.#context.peer?.answered(roundTripMs)
    this.#outages.succeeded(connection, nowMs)
  }

  goAway(connection: Connection): void {
    if (connection !== this.#current || this.#stopping) return
    this.#context.scout.wait(this)
    this.#context.leaving(connection.goAwayReason === 'drain' ? 'draining' : 'suspected')
  }

  timedOut(connection: Connection): Promise<unknown> {
    return this.#outages.timedOut(connection)
  }

  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[]): void {
    this.#open.get(connection)?.resolve()
    this.#open.delete(connection)
    this.#context.peer?.failed(failure?.reason ?? 'other', lost.length)
    const current = connection === this.#current
    // How a connection ends that was left in time does not matter, unless an exchange is lost with it.
    if (!current) {
      if (failure !== undefined && lost.length > 0) this.#outages.broke(connection, failure, lost)
      return
    }
    this.#current = undefined
    if (failure !== undefined || !this.#stopping) this.#outages.broke(connection, failure ?? { reason: 'eof' }, lost)
    if (this.#stopping) return
    const due = this.#waiting.at(0)
    if (due !== undefined) this.#outages.due(due.intendedMs)
    if (connection.answered === 0 || failure?.reason === 'timeout') this.#context.scout.fails()
    this.#context.scout.leave(this)
    this.#context.scout.wait(this)
    if (connection.goAwayReason === 'drain') this.#context.leaving('drained')
    else if (failure === undefined || failure.reason === 'eof') this.#context.leaving('suspected')
  }

  /**
   * In an outage an exchange is made at once. One that is nearly late would break the connection, so it is given up.
   * @param failure why there was no connection
   */
  #sendWaiting(connection: Connection, failure: Failure | undefined): void {
    const { target } = this.#context
    const nowMs = performance.now()
    const waiting = this.#waiting.clear()
    const [late, inTime] = [true, false].map(isLate =>
      waiting.filter(({ deadlineMs }) => deadlineMs - nowMs < target.values.timeout / 2 === isLate),
    )
    for (const exchange of late ?? []) this.#outages.gaveUp(exchange, failure)
    for (const exchange of inTime ?? []) connection.send(exchange)
    if (inTime?.length === 0 && this.#outages.failing) connection.send(target.newExchange(nowMs))
  }

  #finish(connection: Connection): void {
    connection.finish(this.#context.target.values.timeout)
  }
}
