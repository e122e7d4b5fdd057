import { ExpiringQueue } from '../../expiring-queue.ts'
import type { Failure } from '../../failure.ts'
import type { LoadValues } from '../../settings.ts'
import type { Target } from '../../target.ts'
import { type Alarm, sharedTicker } from '../../ticker.ts'
import { arrivalTimes } from './arrivals.ts'
import type { BrokenTotals } from './broken-connections.ts'
import type { LoadConnection } from './load-connection.ts'
import { LoadConnections } from './load-connections.ts'
import { connectionsOf, exchangesOf, type Share, WHOLE } from './share.ts'

/** The limits of a run on all threads, whichever is reached first; Infinity = no limit. */
export interface Bounds {
  readonly count: number
  readonly durationMs: number
}

/** An exchange that became due while no connection was free. */
interface Waiting {
  readonly intendedMs: number
  readonly deadlineMs: number
}

/**
 * Makes the exchanges of one thread with one target. In a closed loop, each reply makes room for the next exchange; in an open loop, exchanges start on a
 * schedule, and wait while no connection is free. Successive runs use the same connections.
 */
export class Generator implements Alarm {
  /** When the next exchange of an open loop is due. */
  dueMs = Number.POSITIVE_INFINITY
  readonly #target: Target<LoadValues>
  readonly #share: Share
  readonly #connections: LoadConnections
  readonly #waiting = new ExpiringQueue<Waiting>(() => this.#giveUp())
  readonly #logged = new Set<string>()
  #notConnected: Failure | undefined
  // The current run: how many exchanges may still start, until when, and how many are in progress.
  #left = 0
  #startMs = 0
  #durationMs = 0
  #endMs = 0
  #inProgress = 0
  /** Returns the next start time of an open loop, ms from the start of the run; then the last time returned. */
  #nextMs: () => number = () => Number.POSITIVE_INFINITY
  #scheduledMs = 0
  #timer: NodeJS.Timeout | undefined
  #finished = Promise.withResolvers<void>()

  constructor(target: Target<LoadValues>, share = WHOLE) {
    this.#target = target
    this.#share = share
    this.#connections = new LoadConnections(target, connectionsOf(target.values.connections, share), {
      connected: connection => this.#feed(connection, performance.now()),
      notConnected: failure => {
        this.#logOnce(failure, 'could not connect')
        this.#missed(failure)
      },
      answered: (connection, nowMs, count) => this.#answered(connection, nowMs, count),
      lost: (failure, exchanges) => {
        this.#logOnce(failure, 'connection lost')
        this.#over(exchanges)
      },
    })
  }

  /** Resolves when every connection has been tried once, with the failure if none of them is open. */
  async connect(): Promise<Failure | undefined> {
    const ready = this.#isOpenLoop ? sharedTicker().ready() : undefined
    await this.#connections.connect()
    const failure = this.#connections.connected ? undefined : (this.#notConnected ?? { reason: 'other' })
    await ready
    return failure
  }

  /**
   * Resolves when the last exchange of the run is complete.
   * @returns for an open loop, the scheduled duration, ms: until the next exchange would have started; otherwise 0
   */
  async run({ count, durationMs }: Bounds): Promise<number> {
    this.#startMs = performance.now()
    this.#left = Number.isFinite(count) ? exchangesOf(count, this.#target.values.connections, this.#share) : count
    this.#durationMs = durationMs
    this.#endMs = this.#startMs + durationMs
    this.#scheduledMs = 0
    this.#finished = Promise.withResolvers()
    if (this.#isOpenLoop) this.#startOpenLoop()
    else this.#startClosedLoop(durationMs)
    await this.#finished.promise
    return this.#scheduledMs
  }

  /** Starts no more exchanges and drops those that are waiting. */
  stop(): void {
    this.#over(this.#waiting.clear().length)
    this.#startNoMore()
  }

  /** Resolves when all connections are closed, with those that failed. */
  close(): Promise<BrokenTotals[]> {
    return this.#connections.close()
  }

  /** Starts the exchanges of an open loop that are due. */
  ring(nowMs: number): void {
    for (; this.dueMs <= nowMs && this.#start(this.dueMs); this.#setNext()) this.#arrive(this.dueMs)
    if (this.#left === 0 || this.dueMs >= this.#endMs) this.#startNoMore()
  }

  get #isOpenLoop(): boolean {
    return this.#target.values.rate > 0
  }

  #startClosedLoop(durationMs: number): void {
    if (durationMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#startNoMore(), durationMs)
    for (const connection of this.#connections.all) this.#feed(connection, this.#startMs)
    this.#over(0)
  }

  #startOpenLoop(): void {
    this.#nextMs = arrivalTimes(this.#target.values, this.#share)
    this.#setNext()
    sharedTicker().add(this)
  }

  #setNext(): void {
    this.#scheduledMs = this.#nextMs()
    this.dueMs = this.#startMs + this.#scheduledMs
  }

  /** Claims one of the exchanges of the run. @returns false if none may start at that time */
  #start(atMs: number): boolean {
    if (this.#left === 0 || atMs >= this.#endMs) return false
    this.#left--
    this.#inProgress++
    return true
  }

  #startNoMore(): void {
    clearTimeout(this.#timer)
    if (this.dueMs < Number.POSITIVE_INFINITY) {
      const stoppedEarly = this.#left > 0 && this.dueMs < this.#endMs
      if (stoppedEarly) this.#scheduledMs = performance.now() - this.#startMs
      this.#scheduledMs = Math.min(this.#scheduledMs, this.#durationMs)
      this.dueMs = Number.POSITIVE_INFINITY
      sharedTicker().remove(this)
    }
    this.#left = 0
    this.#over(0)
  }

  #arrive(intendedMs: number): void {
    const nowMs = performance.now()
    this.#target.statistics.exchangeStarted(intendedMs, nowMs)
    // While an exchange waits, no connection is free.
    const connection = this.#waiting.length === 0 ? this.#connections.nextFree() : undefined
    if (connection !== undefined) connection.send(intendedMs, nowMs)
    else this.#waiting.push({ intendedMs, deadlineMs: intendedMs + this.#target.values.timeout })
  }

  #answered(connection: LoadConnection, nowMs: number, count: number): void {
    this.#inProgress -= count
    if (connection.oneWay) setImmediate(() => this.#feed(connection, performance.now()))
    else this.#feed(connection, nowMs)
    this.#over(0)
  }

  /** Sends as many exchanges on a connection as it has room for. */
  #feed(connection: LoadConnection, nowMs: number): void {
    if (!this.#isOpenLoop) {
      while (connection.free && this.#start(nowMs)) connection.send(nowMs, nowMs)
      return
    }
    while (connection.free) {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) return
      connection.send(waiting.intendedMs, nowMs)
    }
  }

  /** In a closed loop without a server, each connection attempt counts as a failed exchange, so that a run by count ends. */
  #missed(failure: Failure): void {
    this.#notConnected = failure
    if (this.#isOpenLoop || !this.#start(performance.now())) return
    this.#target.statistics.exchangeFailed(failure.reason)
    this.#over(1)
  }

  /** Fails an exchange that waited for a connection until its deadline. */
  #giveUp(): void {
    this.#target.statistics.exchangeFailed(this.#connections.connected ? 'timeout' : (this.#notConnected?.reason ?? 'timeout'))
    this.#over(1)
  }

  /** Logs each reason only once; the report has the counts. */
  #logOnce({ reason, error }: Failure, message: string): void {
    if (this.#logged.has(reason)) return
    this.#logged.add(reason)
    this.#target.logger.warn({ reason, error }, message)
  }

  #over(exchanges: number): void {
    this.#inProgress -= exchanges
    if (this.#inProgress === 0 && this.#left === 0) this.#finished.resolve()
  }
}
