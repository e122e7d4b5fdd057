import type { Socket } from 'node:net'
import type { ClientCodec } from '@nihao/wire'
import { describeFailure, type FailureReason } from '../../failure.ts'
import { CheckFailure } from './check-failure.ts'
import type { Figures } from './report.ts'

/** How much of what a server says first is kept for people, in bytes. */
const MAX_OPENING_BYTES = 200

/** How long a server may take to close its side before it is left. */
const LEAVE_MS = 200

/**
 * One connection of a check, step by step. Each step resolves when its state is reached and throws a `CheckFailure` when it can no longer be:
 * at the first thing that goes wrong, or when the signal gives the check up.
 */
export class Conversation implements Disposable {
  /** Requests sent, and those that were answered as they had to be. */
  sent = 0
  answered = 0
  readonly #socket: Socket
  readonly #codec: ClientCodec
  readonly #giveUp: () => void
  readonly #signal: AbortSignal
  readonly #waiting = new Set<() => void>()
  #opening = Buffer.alloc(0)
  #failure: CheckFailure | undefined
  #writable = true
  #ended = false
  #serverEnded = false

  constructor(socket: Socket, codec: ClientCodec, signal: AbortSignal) {
    this.#socket = socket
    this.#codec = codec
    this.#signal = signal
    this.#giveUp = () => this.#fail(signal.reason)
    signal.addEventListener('abort', this.#giveUp)
    if (signal.aborted) this.#giveUp()
    socket.on('data', chunk => this.#receive(chunk))
    socket.on('drain', () => {
      this.#writable = true
      this.#wake()
    })
    socket.on('end', () => this.#receiveEnd())
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the connection is closed')))
    if (codec.pulls) socket.pause()
  }

  get addresses(): { local: string; remote: string } {
    const { localAddress, localPort, remoteAddress, remotePort } = this.#socket
    if (remoteAddress === undefined) return { local: 'unix', remote: 'unix' }
    return { local: `${localAddress}:${localPort}`, remote: `${remoteAddress}:${remotePort}` }
  }

  get figures(): Figures {
    const { bytesWritten, writableLength, bytesRead } = this.#socket
    return { sentBytes: Math.max(0, bytesWritten - writableLength), receivedBytes: bytesRead }
  }

  /** The beginning of what the server said first. */
  get openingText(): string {
    return this.#opening.toString('utf8', 0, MAX_OPENING_BYTES)
  }

  /** Waits until the server has said what it says first, where it says something. */
  async opened(withinMs?: number): Promise<void> {
    if (!this.#codec.opening) return
    this.resume()
    const opened = await this.#until(() => !this.#codec.opening, withinMs)
    if (!opened) throw this.#late(`the server said nothing within ${withinMs} ms`)
  }

  /** Sends requests in one go, whether or not the path takes them. */
  send(count = 1): void {
    for (let index = 0; index < count; index++) {
      this.sent++
      const request = this.#codec.request()
      if (this.#codec.oneWay) this.#socket.write(request, error => error ?? this.#answer(1))
      else if (request.length > 0) this.#writable = this.#socket.write(request)
    }
  }

  /** Sends one request byte by byte, each in a packet of its own as far as a sender can see to that. */
  async sendInBytes(): Promise<number> {
    this.sent++
    const request = this.#codec.request()
    for (const byte of request) {
      this.#socket.write(Buffer.of(byte))
      await this.#until(() => false, 1)
    }
    return request.length
  }

  /** Sends requests as fast as the path takes them. */
  async stream(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      this.send()
      await this.#until(() => this.#writable)
    }
  }

  /** Waits until every request has been answered. */
  async allAnswered(withinMs?: number): Promise<void> {
    this.resume()
    const answered = await this.#until(() => this.answered >= this.sent, withinMs)
    if (!answered) throw this.#late(`no reply within ${withinMs} ms`)
    if (this.#codec.pulls) this.pause()
  }

  /** One request and its reply. @returns the round trip, ms */
  async exchange(withinMs?: number): Promise<number> {
    const startMs = performance.now()
    this.send()
    await this.allAnswered(withinMs)
    return performance.now() - startMs
  }

  /** Waits until the path takes more, at most for this long. @returns false when it took nothing more */
  takesMore(forMs: number): Promise<boolean> {
    return this.#until(() => this.#writable, forMs)
  }

  /** Lets time pass in which nothing may happen: neither bytes nor an end. */
  async quiet(forMs: number): Promise<void> {
    await this.#until(() => false, forMs)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Closes this side, and waits for every reply and for the server's FIN behind them. */
  async finish(): Promise<void> {
    this.#ended = true
    this.#socket.end()
    await this.#until(() => this.#serverEnded)
  }

  /** Closes as a polite client does: gives the server a moment to close as well, and does not judge whether it does. */
  async leave(): Promise<void> {
    this.#ended = true
    this.#socket.end()
    if (!this.#codec.pulls) await this.#until(() => this.#serverEnded, LEAVE_MS).catch(() => {})
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#giveUp)
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#codec.opening && this.#opening.length < MAX_OPENING_BYTES) this.#opening = Buffer.concat([this.#opening, chunk])
      this.#answer(this.#codec.receive(chunk))
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #answer(count: number): void {
    this.answered += count
    this.#wake()
  }

  #receiveEnd(): void {
    if (this.#ended && this.answered >= this.sent) this.#serverEnded = true
    else this.#failAs('eof', 'the server closed (FIN)')
    this.#wake()
  }

  #late(message: string): CheckFailure {
    return new CheckFailure('timeout', message, this.figures)
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#failAs(describeFailure(error).reason, error.message)
  }

  /** The first thing that goes wrong is the reason; what follows from it is not. */
  #failAs(reason: FailureReason, message: string): void {
    const answers = this.sent > 0 && !this.#codec.oneWay ? `, ${this.answered} of ${this.sent} replies were in` : ''
    this.#failure ??= new CheckFailure(reason, `${message}${answers}`, this.figures)
    this.#socket.destroy()
    this.#wake()
  }

  #wake(): void {
    for (const look of this.#waiting) look()
  }

  /** Waits for a state. Resolves with false when `forMs` passes without it. */
  #until(reached: () => boolean, forMs?: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#waiting.delete(look)
        clearTimeout(timer)
      }
      const look = () => {
        if (reached()) resolve(true)
        else if (this.#failure !== undefined) reject(this.#failure)
        else return
        done()
      }
      const over = () => {
        done()
        resolve(false)
      }
      const timer = forMs === undefined ? undefined : setTimeout(over, forMs)
      this.#waiting.add(look)
      look()
    })
  }
}
