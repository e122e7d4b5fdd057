import type { KernelSocket } from '@nihao/service'
import type { Connection } from '../../connect/connection.ts'
import type { ConnectionEvents } from '../../connect/connection-events.ts'
import type { Failure, FailureReason } from '../../failure.ts'
import { Facts, type Instruments } from '../../outages/facts.ts'
import { settledRow } from '../../outages/kernel-row.ts'
import type { Figures } from '../../report/results.ts'
import { CheckFailure } from './check-failure.ts'
import { factsOptions } from './facts-options.ts'
import { WatchedState } from './watched-state.ts'

/** How much of the server's first message is kept for reports. */
const MAX_OPENING_BYTES = 200

/** How long to wait for the server to close its side. */
const CLOSE_MS = 200

/** Deadline of exchanges whose step has its own time limit. */
const NO_DEADLINE_MS = 86_400_000

/** Failure details by reason, for failures without an error. */
const DETAILS: Readonly<Partial<Record<FailureReason, string>>> = {
  eof: 'the server closed the connection (FIN)',
  timeout: 'no reply in time',
}

/**
 * A connection of a check, used step by step. Each step resolves once it is complete. It throws a `CheckFailure` if the connection fails or
 * the signal ends the check.
 */
export class CheckConnection implements ConnectionEvents, Disposable {
  /** Requests sent. */
  sent = 0
  readonly #connection: Connection
  readonly #signal: AbortSignal
  readonly #giveUp: () => void
  readonly #instruments: Instruments
  readonly #stoppedMs: number
  /** The last request, or the connection if there was none. */
  #sentMs: number
  /** Read when a reply is late. */
  #row: Promise<KernelSocket | undefined> | undefined
  readonly #state = new WatchedState(() => this.#failure)
  #opening = Buffer.alloc(0)
  #closing = false
  #closed = false
  #failure: CheckFailure | undefined

  /**
   * @param instruments where facts of a failure come from
   * @param stoppedMs a client that stood still for about this long before it saw an end may have caused it
   */
  constructor(connection: Connection, signal: AbortSignal, instruments: Instruments, stoppedMs: number) {
    this.#connection = connection
    this.#signal = signal
    this.#instruments = instruments
    this.#stoppedMs = stoppedMs
    this.#sentMs = connection.openedAtMs
    connection.owner = this
    connection.onReceive = chunk => this.#keepOpening(chunk)
    connection.socket.on('drain', () => this.#state.changed())
    this.#giveUp = () => {
      this.#failure ??= this.#describe({ reason: 'timeout', error: signal.reason })
      this.#state.changed()
      this.#destroyWhenRead()
    }
    signal.addEventListener('abort', this.#giveUp)
    if (signal.aborted) this.#giveUp()
  }

  get addresses(): { local: string; remote: string } {
    const { localAddress = 'unix', remoteAddress } = this.#connection
    return { local: localAddress, remote: remoteAddress }
  }

  /** What each end sees of it. */
  get ends(): Pick<Connection, 'localAddress' | 'hello'> {
    return this.#connection
  }

  get figures(): Figures {
    const { sentBytes, receivedBytes } = this.#connection
    return { sentBytes, receivedBytes }
  }

  /** The contents of HELLO (probe). */
  get hello(): Readonly<Record<string, unknown>> {
    return this.#connection.hello ?? {}
  }

  /** The beginning of the server's first message. */
  get openingText(): string {
    return this.#opening.toString('utf8', 0, MAX_OPENING_BYTES)
  }

  /** Waits for the server's first message, if the server speaks first. */
  async opened(withinMs: number): Promise<void> {
    this.resume()
    const failure = await this.#connection.open(withinMs)
    if (failure !== undefined) throw this.#describe(failure, `the server sent nothing within ${withinMs} ms`)
    this.#connection.onReceive = undefined
    if (this.#connection.codec.pulls) this.pause()
  }

  /** Sends requests immediately, ignoring backpressure. */
  send(count = 1): void {
    for (let index = 0; index < count; index++) this.#connection.send(this.#newExchange())
  }

  /** Sends one request byte by byte, each byte in its own packet if possible. @returns the number of bytes */
  async sendInBytes(): Promise<number> {
    const request = this.#connection.begin(this.#newExchange(), performance.now())
    for (const byte of request) {
      this.#connection.socket.write(Buffer.of(byte))
      await this.quiet(1)
    }
    return request.length
  }

  /** Sends requests as fast as the path accepts them. */
  async stream(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      this.send()
      await this.#state.until(() => this.#writable)
    }
  }

  /** Waits until every request has been answered. */
  async allAnswered(withinMs?: number): Promise<void> {
    this.resume()
    const answered = await this.#state.until(() => this.#connection.answered >= this.sent, withinMs)
    if (!answered) throw this.#describe({ reason: 'timeout' }, `no reply within ${withinMs} ms`)
    if (this.#connection.codec.pulls) this.pause()
  }

  /** Sends one request and waits for its reply. @returns the round-trip time, ms */
  async exchange(withinMs?: number): Promise<number> {
    const startMs = performance.now()
    this.send()
    await this.allAnswered(withinMs)
    return performance.now() - startMs
  }

  /** Waits until the path accepts more data. @returns false if it does not within `forMs` */
  takesMore(forMs: number): Promise<boolean> {
    return this.#state.until(() => this.#writable, forMs)
  }

  /** Waits for `forMs`; fails if bytes arrive or the connection ends. */
  async quiet(forMs: number): Promise<void> {
    await this.#state.until(() => false, forMs)
  }

  pause(): void {
    this.#connection.socket.pause()
  }

  resume(): void {
    this.#connection.socket.resume()
  }

  /** Half-closes, then waits for all replies and the server's FIN. */
  async halfClose(): Promise<void> {
    this.#closing = true
    this.#connection.halfClose()
    await this.#state.until(() => this.#closed && this.#failure === undefined)
  }

  /** Closes, and gives the server a moment to close too. */
  async close(): Promise<void> {
    this.#closing = true
    this.#connection.finish(CLOSE_MS)
    if (!this.#connection.codec.pulls) await this.#state.until(() => this.#closed).catch(() => {})
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#giveUp)
    this.#destroyWhenRead()
  }

  answered(): void {
    this.#state.changed()
  }

  closed(_: Connection, failure: Failure | undefined): void {
    this.#closed = true
    if (failure !== undefined) this.#failure ??= this.#describe(failure)
    else if (!this.#closing) this.#failure ??= this.#describe({ reason: 'eof' })
    this.#state.changed()
  }

  get #writable(): boolean {
    return !this.#connection.socket.writableNeedDrain
  }

  #newExchange() {
    this.sent++
    const nowMs = performance.now()
    this.#sentMs = nowMs
    return { intendedMs: nowMs, deadlineMs: nowMs + NO_DEADLINE_MS, sentMs: nowMs }
  }

  #keepOpening(chunk: Buffer): void {
    if (this.#opening.length < MAX_OPENING_BYTES) this.#opening = Buffer.concat([this.#opening, chunk])
  }

  #describe({ reason, error }: Failure, otherwise = DETAILS[reason] ?? reason): CheckFailure {
    const { answered, codec } = this.#connection
    const replies = this.sent > 0 && !codec.oneWay ? `, after ${answered} of ${this.sent} replies` : ''
    return new CheckFailure(reason, `${error?.message ?? otherwise}${replies}`, this.figures, this.#factsOf({ reason, error }))
  }

  #factsOf(failure: Failure): Facts {
    const [connection, nowMs, sentMs] = [this.#connection, performance.now(), this.#sentMs]
    if (failure.reason === 'timeout') this.#row ??= settledRow(this.#instruments.kernel, connection.socket)
    const timeoutMs = failure.reason === 'timeout' ? nowMs - sentMs : this.#stoppedMs
    const exchange = { intendedMs: sentMs, sentMs, deadlineMs: nowMs }
    return new Facts(failure, connection, exchange, nowMs, factsOptions(timeoutMs, this.#instruments, this.#row))
  }

  /** The kernel forgets the row of a connection that is destroyed. */
  #destroyWhenRead(): void {
    if (this.#row === undefined) this.#connection.destroy()
    else void this.#row.finally(() => this.#connection.destroy())
  }
}
