import { ExpiringQueue } from '../expiring-queue.ts'
import type { Failure } from '../failure.ts'
import type { LoadValues } from '../settings.ts'
import type { Target } from '../target.ts'
import { arrivalTimes } from './arrivals.ts'
import { Worker } from './worker.ts'

/** What ends a run, whichever comes first; Infinity where it is no bound. */
export interface Bounds {
  readonly count: number
  readonly durationMs: number
}

/** An exchange that was due while every connection had its depth of them, or while there was none. */
interface Waiting {
  readonly intendedMs: number
  readonly deadlineMs: number
}

/**
 * Makes the exchanges of one target: in a closed loop each answer makes room for the next one; in an open loop they start on a schedule of
 * their own, and wait where they must. Runs follow each other on the same connections.
 */
export class Generator {
  readonly #target: Target<LoadValues>
  readonly #workers: readonly Worker[]
  readonly #waiting = new ExpiringQueue<Waiting>(() => this.#giveUp())
  #ended: Promise<unknown> = Promise.resolve()
  /** The worker that got the last exchange. */
  #turn = 0
  #notConnected: Failure | undefined
  readonly #told = new Set<string>()
  // Of the run that is under way: how many exchanges it may still start and until when, and how many are not over.
  #left = 0
  #endMs = 0
  #underWay = 0
  #timer: NodeJS.Timeout | undefined
  #finished = Promise.withResolvers<void>()

  constructor(target: Target<LoadValues>) {
    this.#target = target
    this.#workers = Array.from({ length: target.values.connections }, () => {
      return new Worker(target, {
        connected: worker => this.#feed(worker, performance.now()),
        notConnected: failure => {
          this.#tell(failure, 'could not connect')
          this.#missed(failure)
        },
        answered: (worker, nowMs) => this.#answered(worker, nowMs),
        lost: (failure, exchanges) => {
          this.#tell(failure, 'connection lost')
          this.#over(exchanges)
        },
      })
    })
  }

  /** Resolves when every connection is there or failed once; with the failure, if there is none at all. */
  async connect(): Promise<Failure | undefined> {
    this.#ended = Promise.all(this.#workers.map(worker => worker.run()))
    await Promise.all(this.#workers.map(({ tried }) => tried))
    return this.#connected ? undefined : (this.#notConnected ?? { reason: 'other' })
  }

  /** Resolves when the last exchange of the run is over. */
  run({ count, durationMs }: Bounds): Promise<void> {
    const startMs = performance.now()
    this.#left = count
    this.#endMs = startMs + durationMs
    this.#finished = Promise.withResolvers()
    if (this.#target.values.rate > 0) this.#startOpenLoop(startMs)
    else this.#startClosedLoop(startMs, durationMs)
    return this.#finished.promise
  }

  /** Starts nothing more, and forgets what waits. */
  stop(): void {
    this.#over(this.#waiting.clear().length)
    this.#startNoMore()
  }

  /** Resolves when all connections are closed. */
  async close(): Promise<void> {
    for (const worker of this.#workers) worker.stop()
    await this.#ended
  }

  get #connected(): boolean {
    return this.#workers.some(({ connected }) => connected)
  }

  #startClosedLoop(startMs: number, durationMs: number): void {
    if (durationMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#startNoMore(), durationMs)
    for (const worker of this.#workers) this.#feed(worker, startMs)
  }

  #startOpenLoop(startMs: number): void {
    const { arrivals, rate } = this.#target.values
    const nextMs = arrivalTimes(arrivals, rate)
    let intendedMs = startMs + nextMs()
    const run = () => {
      const nowMs = performance.now()
      for (; intendedMs <= nowMs && this.#start(intendedMs); intendedMs = startMs + nextMs()) this.#arrive(intendedMs)
      if (this.#left === 0 || intendedMs >= this.#endMs) this.#startNoMore()
      else this.#timer = setTimeout(run, Math.max(0, intendedMs - performance.now()))
    }
    run()
  }

  /** Takes one of the exchanges that may be started, if it may be at that time. */
  #start(atMs: number): boolean {
    if (this.#left === 0 || atMs >= this.#endMs) return false
    this.#left--
    this.#underWay++
    return true
  }

  #startNoMore(): void {
    clearTimeout(this.#timer)
    this.#left = 0
    this.#over(0)
  }

  #arrive(intendedMs: number): void {
    const nowMs = performance.now()
    this.#target.observer.scheduleLag(nowMs - intendedMs)
    // As long as one waits, no connection is free.
    const worker = this.#waiting.length === 0 ? this.#nextFree() : undefined
    if (worker !== undefined) worker.send(intendedMs, nowMs)
    else this.#waiting.push({ intendedMs, deadlineMs: intendedMs + this.#target.values.timeout })
  }

  /** The connections take turns. */
  #nextFree(): Worker | undefined {
    for (let tried = 0; tried < this.#workers.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#workers.length
      const worker = this.#workers[this.#turn]
      if (worker?.free) return worker
    }
    return undefined
  }

  #answered(worker: Worker, nowMs: number): void {
    this.#underWay--
    if (worker.oneWay) setImmediate(() => this.#feed(worker, performance.now()))
    else this.#feed(worker, nowMs)
    this.#over(0)
  }

  /** Gives a worker all that it can take. */
  #feed(worker: Worker, nowMs: number): void {
    if (this.#target.values.rate === 0) {
      while (worker.free && this.#start(nowMs)) worker.send(nowMs, nowMs)
      return
    }
    while (worker.free) {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) return
      worker.send(waiting.intendedMs, nowMs)
    }
  }

  /** A closed loop whose server is away counts each attempt to reach it as the exchange that it stands for: so its count comes to an end, too. */
  #missed(failure: Failure): void {
    this.#notConnected = failure
    if (this.#target.values.rate > 0 || !this.#start(performance.now())) return
    this.#target.failed(failure.reason)
    this.#over(1)
  }

  #giveUp(): void {
    this.#target.failed(this.#connected ? 'timeout' : (this.#notConnected?.reason ?? 'timeout'))
    this.#over(1)
  }

  /** Once for each reason: a flood of the same is in the report as a number. */
  #tell({ reason, error }: Failure, what: string): void {
    if (this.#told.has(reason)) return
    this.#told.add(reason)
    this.#target.logger.warn({ reason, error }, what)
  }

  #over(exchanges: number): void {
    this.#underWay -= exchanges
    if (this.#underWay === 0 && this.#left === 0) this.#finished.resolve()
  }
}
