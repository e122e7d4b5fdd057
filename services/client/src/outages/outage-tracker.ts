import { setTimeout as delay } from 'node:timers/promises'
import type { KernelSocket } from '@nihao/service'
import type { EndedConnection } from '@nihao/wire'
import type { Connection } from '../connect/connection.ts'
import type { Exchange } from '../connect/connection-events.ts'
import type { Failure } from '../failure.ts'
import type { SessionLog } from '../modes/probe/session-log.ts'
import type { Peer } from '../peers/peer.ts'
import type { ProbeValues } from '../settings.ts'
import type { Target } from '../target.ts'
import { attribute } from './attribute.ts'
import type { FirstSuccess } from './availability.ts'
import { settledEnd } from './end-at-server.ts'
import type { Attribution } from './evidence.ts'
import { Facts, type Instruments } from './facts.ts'
import { settledRow } from './kernel-row.ts'
import { LostExchanges } from './lost-exchanges.ts'
import { type Outage, OutageState, timesOf } from './outage.ts'
import { logBegan, logReconnected, logReport, summaryOf } from './outage-log.ts'

export interface TrackerContext {
  readonly target: Target<ProbeValues>
  readonly log: SessionLog
  readonly firstSuccess: FirstSuccess
  readonly instruments: Instruments
  /** The address of these sessions, where a name has several. */
  readonly peer?: Peer | undefined
}

/** An outage that is over waits this long for the server's word on it. */
const SETTLE_MS = 1_000
/** Fits into one packet on any path. */
const SMALL_REPLY_BYTES = 1_000

/** Follows the outages of one session: counts and logs them, and collects the evidence for their side. */
export class OutageTracker {
  readonly #context: TrackerContext
  readonly #underWay: (() => Promise<unknown>) | undefined
  readonly #state = new OutageState()
  readonly #settling = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  /** The last connection with a good reply. */
  #last: Connection | undefined
  #facts: Facts | undefined
  #kernel: { readonly connection: Connection; readonly row: Promise<KernelSocket | undefined> } | undefined
  #ended: Promise<EndedConnection | undefined> | undefined
  /** Undefined where requests are not told apart by size. */
  readonly #lostBySize: LostExchanges | undefined

  /** @param underWay resolves when the exchanges are over that are under way, where several are at a time */
  constructor(context: TrackerContext, underWay?: () => Promise<unknown>) {
    this.#context = context
    this.#underWay = underWay
    const { sizes } = context.target.statistics
    this.#lostBySize = sizes && new LostExchanges(sizes)
  }

  /** Why exchanges fail now; undefined while no failure is known. */
  get failure(): Failure | undefined {
    return this.#state.failure
  }

  /** True from the beginning of an outage to the next good reply. */
  get failing(): boolean {
    return this.#state.outage !== undefined
  }

  /** The side of the outage that lasts, as far as it is known; undefined without one. */
  async attribution(): Promise<Attribution | undefined> {
    const { outage } = this.#state
    return outage && this.#facts && attribute(await this.#facts.observations(outage.connectFailure, undefined))
  }

  /** Reads the connection's row before its socket is destroyed. */
  timedOut(connection: Connection): Promise<unknown> {
    const row = settledRow(this.#context.instruments.kernel, connection.socket)
    this.#kernel = { connection, row }
    return row
  }

  /** The connection to send on ended, or exchanges were lost on another one. */
  broke(connection: Connection, failure: Failure, lost: readonly Exchange[]): void {
    const [first] = lost
    if (first !== undefined) this.#lostBySize?.add(connection, failure, first, this.#rowOf(connection))
    if (!this.#context.firstSuccess.up) {
      this.notConnected(failure)
      return
    }
    const nowMs = performance.now()
    this.#facts ??= this.#newFacts(failure, connection, first, nowMs)
    this.#state.broke(failure, nowMs)
    for (const { intendedMs } of lost) this.#lost(failure, intendedMs)
  }

  notConnected(failure: Failure): void {
    this.#context.firstSuccess.failed(failure)
    this.#state.notConnected(failure)
  }

  /** An exchange was due without a connection. */
  due(intendedMs: number): void {
    if (this.#context.firstSuccess.up && this.#state.due(intendedMs)) this.#began()
  }

  /** An exchange was not sent in time, because of this failure. */
  gaveUp({ intendedMs }: Exchange, failure: Failure = this.failure ?? { reason: 'timeout' }): void {
    this.#context.target.statistics.exchangeFailed(failure.reason)
    this.#context.peer?.failed(failure.reason)
    if (this.#context.firstSuccess.up) this.#lost(failure, intendedMs)
    else this.#context.firstSuccess.failed(failure)
  }

  /** There is a connection to send on; nothing was sent on it yet. */
  connected(connection: Connection): void {
    const { target, log } = this.#context
    const replaced = this.#state.connected()
    if (replaced !== undefined) {
      const { reason } = replaced
      this.#facts = undefined
      target.statistics.reconnected(reason)
      logReconnected(log, reason, connection)
    }
    const id = this.#facts?.brokenId
    this.#ended = id && connection.askLast(id.boot, id.connection)
    this.#lostBySize?.connected(connection)
  }

  handshakeDone(startMs: number, nowMs: number, remoteAddress: string): void {
    this.#facts?.handshakeDone(startMs, nowMs, remoteAddress)
  }

  /** An exchange was answered on this connection. */
  succeeded(connection: Connection, nowMs: number): void {
    const outage = this.#state.succeeded(nowMs)
    if (this.#last === undefined || outage !== undefined) {
      this.#context.firstSuccess.succeeded()
      this.#context.target.statistics.availability.works(this, nowMs)
      this.#context.peer?.availability.works(this, nowMs)
    }
    if (outage !== undefined) this.#over(outage, connection, nowMs)
    this.#last = connection
  }

  /** Resolves when everything is logged, also an outage whose end the client will not see. */
  async stop(): Promise<void> {
    this.#context.target.statistics.availability.remove(this)
    this.#context.peer?.availability.remove(this)
    this.#stopping.abort()
    await Promise.all(this.#settling)
    await this.#lostBySize?.count(this.#lostBySize.take(), undefined, 'unknown', Promise.resolve(undefined))
    const { outage } = this.#state
    if (outage === undefined) return
    const facts = this.#facts ?? this.#newFacts(outage.failure, undefined, undefined, performance.now())
    const attribution = attribute(await facts.observations(outage.connectFailure, undefined))
    this.#report(outage, attribution, performance.now(), this.#last, undefined)
  }

  #newFacts(failure: Failure, broken: Connection | undefined, first: Exchange | undefined, nowMs: number): Facts {
    const { target, instruments } = this.#context
    const { statistics } = target
    const { timeout, message, greeting, sizes } = target.values
    const kernel = this.#rowOf(broken)
    const messageBytes = sizes?.at(-1) ?? Buffer.byteLength(message)
    const smallReply = messageBytes + Buffer.byteLength(greeting) <= SMALL_REPLY_BYTES
    const lastTroubleMs = () => statistics.lastTroubleMs
    const before = this.#last
    return new Facts(failure, broken, first, nowMs, {
      timeoutMs: timeout,
      smallReply,
      instruments,
      before,
      kernel,
      lastTroubleMs,
    })
  }

  #rowOf(broken: Connection | undefined): Promise<KernelSocket | undefined> | undefined {
    return this.#kernel?.connection === broken ? this.#kernel?.row : undefined
  }

  #lost(failure: Failure, intendedMs: number): void {
    if (this.#state.lost(failure, intendedMs)) this.#began()
  }

  #began(): void {
    const { outage } = this.#state
    if (outage === undefined) return
    const { target, log, peer } = this.#context
    const { failure, startMs } = outage
    const nowMs = performance.now()
    this.#facts ??= this.#newFacts(failure, undefined, undefined, nowMs)
    target.statistics.outageBegan(failure.reason)
    target.statistics.availability.fails(this, startMs)
    peer?.availability.fails(this, startMs)
    peer?.outageBegan()
    logBegan(log, failure, this.#last)
  }

  #over(outage: Outage, connection: Connection, nowMs: number): void {
    const facts = this.#facts
    this.#facts = undefined
    if (facts === undefined) return
    const settling = this.#settle(outage, facts, connection, nowMs, this.#last)
    this.#settling.add(settling)
    void settling.finally(() => this.#settling.delete(settling))
  }

  async #settle(outage: Outage, facts: Facts, connection: Connection, atMs: number, left: Connection | undefined): Promise<void> {
    const limit = delay(SETTLE_MS, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined)
    const underWay = this.#underWay?.()
    const lostBySize = this.#lostBySize?.take() ?? []
    const ended = await Promise.race([settledEnd(this.#ended, connection, facts.brokenId, this.#stopping.signal), limit])
    await underWay
    if (underWay !== undefined) lostBySize.push(...(this.#lostBySize?.take() ?? []))
    const observations = await facts.observations(outage.connectFailure, { connection, atMs, ended })
    const attribution = attribute(observations)
    await this.#lostBySize?.count(lostBySize, connection, attribution.side, limit)
    this.#report(outage, attribution, atMs, left, connection)
  }

  /** @param found the connection that ended it; undefined while it lasts */
  #report(
    outage: Outage,
    attribution: Attribution,
    endMs: number,
    left: Connection | undefined,
    found: Connection | undefined,
  ): void {
    const { target, log, peer } = this.#context
    const { failure, lostExchanges } = outage
    const servers = { ...(peer && { peer: peer.address }), left: left?.peerName, found: found?.peerName }
    const over = found !== undefined
    this.#state.reported(outage)
    const report = { reason: failure.reason, ...attribution, ...timesOf(outage, endMs), lostExchanges, ...servers, over }
    target.statistics.outageOver(report)
    if (over) target.statistics.lastOutage = summaryOf(report)
    logReport(log, report)
  }
}
