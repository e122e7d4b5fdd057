import type { Socket } from 'node:net'
import { type ClientCodec, WrongReply } from '@nihao/wire'
import { ExpiringQueue } from '../expiring-queue.ts'
import { describeFailure, type Failure } from '../failure.ts'

/** One request and its reply. Times are of the monotonic clock, ms. */
export interface Exchange {
  /** When the schedule wanted it to start. */
  readonly intendedMs: number
  readonly deadlineMs: number
  /** When it went out. */
  sentMs: number
}

/** How a connection came to its end: the `reason` of logs and metrics. */
export const closeReasons = ['finished', 'goaway', 'server_closed', 'reset', 'timeout', 'protocol', 'mismatch', 'local'] as const
export type CloseReason = (typeof closeReasons)[number]

export interface ConnectionEvents {
  /** At `nowMs`; replies that came together share it. */
  answered(exchange: Exchange, roundTripMs: number, nowMs: number): void
  /** The last event: nothing is under way any more. Without a failure, the client had finished. */
  closed(failure: Failure | undefined, lost: Exchange[]): void
}

/** One connection of the client: sends requests, matches replies to them in order, and breaks when one is late or wrong. */
export class Connection {
  readonly openedAtMs = performance.now()
  readonly localAddress: string | undefined
  readonly remoteAddress: string
  /** How the server calls itself, where the protocol tells it. */
  serverName: string | undefined
  /** Exchanges that were answered. */
  answered = 0
  /** What the end of the connection is called when nothing goes wrong. */
  finishReason: 'finished' | 'goaway' = 'finished'
  /** What went out in front of the first request, and is not counted. */
  readonly #headerBytes: number
  readonly #socket: Socket
  readonly #codec: ClientCodec
  readonly #events: ConnectionEvents
  readonly #outstanding = new ExpiringQueue<Exchange>(late => this.#break({ reason: 'timeout' }, late))
  readonly #lost: Exchange[] = []
  /** Requests that replies give rise to, while these are being taken in: they go out together. */
  #requests: Buffer[] | undefined
  readonly #opened = Promise.withResolvers<Failure | undefined>()
  #failure: Failure | undefined
  #finishing = false
  #sentAtEnd: number | undefined

  constructor(socket: Socket, codec: ClientCodec, events: ConnectionEvents) {
    const { localAddress, localPort, remoteAddress, remotePort } = socket
    this.localAddress = localAddress && `${localAddress}:${localPort}`
    this.remoteAddress = remoteAddress ? `${remoteAddress}:${remotePort}` : 'unix'
    this.#headerBytes = socket.bytesWritten
    this.#socket = socket
    this.#codec = codec
    this.#events = events
    socket.on('data', chunk => this.receive(chunk))
    socket.on('end', () => this.#serverEnded())
    socket.on('error', error => this.#break(describeFailure(error)))
    socket.on('close', () => this.#close())
    if (codec.pulls) socket.pause()
  }

  /** Waits until the server has said what it says first, where it says something. Resolves with why it did not. */
  async open(timeoutMs: number): Promise<Failure | undefined> {
    if (!this.#codec.opening) return undefined
    const timer = setTimeout(() => this.#break({ reason: 'timeout' }), timeoutMs)
    const failure = await this.#opened.promise
    clearTimeout(timer)
    return failure
  }

  /** What a right reply says, for people. */
  get replyText(): string | undefined {
    return this.#codec.replyText
  }

  /** Under TLS these are the bytes inside, here and in what was sent. */
  get receivedBytes(): number {
    return this.#socket.bytesRead
  }

  /** Bytes that have left user space. */
  get sentBytes(): number {
    return this.#sentAtEnd ?? this.#socket.bytesWritten - this.#socket.writableLength - this.#headerBytes
  }

  /** Exchanges that wait for their reply. */
  get outstanding(): number {
    return this.#outstanding.length
  }

  /** True where nothing comes back: an exchange is over as soon as the kernel has taken the request. */
  get oneWay(): boolean {
    return this.#codec.oneWay
  }

  send(exchange: Exchange, nowMs = performance.now()): void {
    exchange.sentMs = nowMs
    this.#outstanding.push(exchange)
    const request = this.#codec.request()
    if (this.#codec.pulls) this.#socket.resume()
    if (this.#codec.oneWay) this.#socket.write(request, error => error ?? this.#answer(1))
    else if (this.#requests === undefined) this.#socket.write(request)
    else this.#requests.push(request)
  }

  /** Closes when what is outstanding is answered or too late. A server that does not close its side within `timeoutMs` is left. */
  finish(timeoutMs: number): void {
    if (this.#finishing) return
    this.#finishing = true
    if (this.#outstanding.length === 0) this.#sayGoodbye()
    const deadline = setTimeout(() => this.#socket.destroy(), timeoutMs)
    this.#socket.once('close', () => clearTimeout(deadline))
  }

  /** Takes what came in, where the socket does not emit it. The chunk is not kept. */
  receive(chunk: Buffer): void {
    try {
      const count = this.#codec.receive(chunk)
      const requests: Buffer[] = []
      this.#requests = requests
      this.#answer(count)
      this.#requests = undefined
      const [first] = requests
      if (first !== undefined) this.#socket.write(requests.length === 1 ? first : Buffer.concat(requests))
      if (!this.#codec.opening) this.#opened.resolve(undefined)
    } catch (error) {
      if (error instanceof WrongReply) this.#answer(error.completed)
      this.#break(describeFailure(error as Error))
    }
  }

  #answer(count: number): void {
    const nowMs = performance.now()
    for (let index = 0; index < count; index++) {
      const exchange = this.#outstanding.shift()
      if (exchange === undefined) return
      this.answered++
      this.#events.answered(exchange, nowMs - exchange.sentMs, nowMs)
    }
    if (count === 0 || this.#outstanding.length > 0) return
    if (this.#finishing) this.#sayGoodbye()
    else if (this.#codec.pulls) this.#socket.pause()
  }

  /** Where the protocol has a word for the end, the server closes first, behind its counters; else the FIN says it. */
  #sayGoodbye(): void {
    const goodbye = this.#codec.goodbye?.()
    this.#socket.resume()
    if (goodbye === undefined) this.#socket.end()
    else this.#socket.write(goodbye)
  }

  #serverEnded(): void {
    if (this.#finishing && this.#outstanding.length === 0) this.#socket.end()
    else this.#break({ reason: 'eof' })
  }

  /** The first thing that goes wrong is the reason; what follows from it is not. */
  #break(failure: Failure, ...lost: Exchange[]): void {
    this.#failure ??= failure
    this.#opened.resolve(this.#failure)
    this.#sentAtEnd ??= this.sentBytes
    this.#lost.push(...lost, ...this.#outstanding.clear())
    this.#socket.destroy()
  }

  #close(): void {
    this.#opened.resolve(this.#failure ?? { reason: 'eof' })
    this.#sentAtEnd ??= this.sentBytes
    this.#events.closed(this.#failure, [...this.#lost, ...this.#outstanding.clear()])
  }
}
