import { Connection } from '../connect/connection.ts'
import type { Failure } from '../failure.ts'

/** A session that needs a connection. */
export interface Waiter {
  /** When it needs it: the earliest is served first. Monotonic clock, ms. */
  readonly dueMs: number
  connected(connection: Connection): void
  notConnected(failure: Failure): void
  /** A TCP handshake with this address completed, which an attempt began at `startMs`. */
  handshakeDone(startMs: number, nowMs: number, remoteAddress: string): void
}

export interface ScoutOptions {
  /** Time between two attempts while the address is down. */
  readonly periodMs: number
  /** Time between two attempts while it works, so that a thousand sessions do not come back in one burst. */
  readonly spreadMs: number
  /** How long a connection that nobody needs any more may take to close. */
  readonly closeWithinMs: number
  connect(signal: AbortSignal, handshakeDone: (remoteAddress: string) => void): Promise<Connection | Failure>
}

/** An address from which an attempt gets no answer for this long is taken to be down. */
const SLOW_ATTEMPT_MS = 500
const MAX_ATTEMPTS = 100
/** Attempts that a busy event loop missed are not made up for beyond this. */
const CATCH_UP_MS = 2

const isSlow = (startMs: number, nowMs: number) => nowMs - startMs >= SLOW_ATTEMPT_MS

/**
 * Makes the connections that the sessions with one address need. While the address is down it tries once per period: attempts overlap, because
 * the kernel repeats an unanswered SYN only after a second. The first connection goes to the session that needs it first, and the first
 * reply on it lets the others follow, spread over time.
 */
export class Scout {
  readonly #options: ScoutOptions
  /** In the order in which they need a connection. */
  readonly #waiting: Waiter[] = []
  /** The start of each attempt under way. */
  readonly #attempts = new Map<AbortController, number>()
  #failing = false
  /** When the address worked again. The attempts before that say nothing more about it. */
  #workedMs = Number.NEGATIVE_INFINITY
  #nextMs = 0
  #timer: NodeJS.Timeout | undefined
  #next: NodeJS.Immediate | undefined
  #stopped = false

  constructor(options: ScoutOptions) {
    this.#options = options
  }

  wait(waiter: Waiter): void {
    if (this.#stopped || this.#waiting.includes(waiter)) return
    const { dueMs } = waiter
    const later = this.#waiting.findIndex(other => other.dueMs > dueMs)
    this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, waiter)
    this.#run()
  }

  leave(waiter: Waiter): void {
    const index = this.#waiting.indexOf(waiter)
    if (index !== -1) this.#waiting.splice(index, 1)
    this.#abandonSurplus()
  }

  /** A session got a reply from this address. */
  works(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#workedMs = performance.now()
    this.#nextMs = 0
    this.#run()
  }

  /** A session's connection broke before it was of use. */
  fails(): void {
    this.#failing = true
  }

  /** Attempts under way are abandoned. */
  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
    this.#abandonSurplus()
    clearTimeout(this.#timer)
    clearImmediate(this.#next)
  }

  /** In the next turn, because connections may have been established while the event loop was busy: their attempts were not slow. */
  #run(): void {
    this.#next ??= setImmediate(() => this.#makeAttempts())
  }

  #makeAttempts(): void {
    this.#next = undefined
    clearTimeout(this.#timer)
    const nowMs = performance.now()
    this.#nextMs = Math.max(this.#nextMs, nowMs - CATCH_UP_MS)
    for (const startMs of this.#attempts.values()) if (startMs > this.#workedMs && isSlow(startMs, nowMs)) this.#failing = true
    while (this.#nextMs <= nowMs && this.#wanted(nowMs)) {
      this.#nextMs = (this.#failing ? nowMs : this.#nextMs) + this.#paceMs
      void this.#attempt(nowMs)
    }
    if (this.#waiting.length === 0) return
    const waitMs = this.#wanted(nowMs) ? this.#nextMs - nowMs : SLOW_ATTEMPT_MS
    this.#timer = setTimeout(() => this.#run(), Math.max(1, waitMs))
  }

  get #paceMs(): number {
    return this.#failing ? this.#options.periodMs : this.#options.spreadMs
  }

  #wanted(nowMs: number): boolean {
    if (this.#failing) return this.#waiting.length > 0
    let prompt = 0
    for (const startMs of this.#attempts.values()) if (!isSlow(startMs, nowMs)) prompt++
    return this.#waiting.length > prompt
  }

  async #attempt(startMs: number): Promise<void> {
    const [oldest] = this.#attempts.keys()
    if (oldest !== undefined && this.#attempts.size >= MAX_ATTEMPTS) this.#abandon(oldest)
    const attempt = new AbortController()
    this.#attempts.set(attempt, startMs)
    const result = await this.#options.connect(attempt.signal, remoteAddress => {
      const nowMs = performance.now()
      for (const waiter of this.#waiting) waiter.handshakeDone(startMs, nowMs, remoteAddress)
    })
    const abandoned = !this.#attempts.delete(attempt)
    if (result instanceof Connection) this.#handOver(result)
    else if (!abandoned) this.#failed(result)
  }

  #failed(failure: Failure): void {
    this.#failing = true
    for (const waiter of [...this.#waiting]) waiter.notConnected(failure)
    this.#nextMs = Math.max(this.#nextMs, performance.now())
    this.#run()
  }

  #handOver(connection: Connection): void {
    const waiter = this.#waiting.shift()
    if (waiter === undefined) connection.finish(this.#options.closeWithinMs)
    else waiter.connected(connection)
    this.#abandonSurplus()
    this.#run()
  }

  #abandonSurplus(): void {
    if (this.#waiting.length > 0) return
    for (const attempt of this.#attempts.keys()) this.#abandon(attempt)
  }

  #abandon(attempt: AbortController): void {
    this.#attempts.delete(attempt)
    attempt.abort()
  }
}
