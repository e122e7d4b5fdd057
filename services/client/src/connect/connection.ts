import type { Socket } from 'node:net'
import { printable, type SocketAddresses } from '@nihao/service'
import { type ClientCodec, type ClientEvents, type EndedConnection, WrongReply } from '@nihao/wire'
import { ExpiringQueue } from '../expiring-queue.ts'
import { describeFailure, type Failure } from '../failure.ts'
import { type CloseReason, closeReasonOf } from './close-reason.ts'
import type { ConnectionEvents, ConnectionStatistics, Exchange } from './connection-events.ts'

const NO_BYTES: Buffer = Buffer.alloc(0)

/** @param request returns the request of the exchange that is being sent */
type NewCodec = (events: ClientEvents, request: () => Buffer) => ClientCodec

/** One connection of the client: sends requests, matches replies to them in order, and fails if a reply is late or wrong. */
export class Connection {
  readonly openedAtMs = performance.now()
  readonly socket: Socket
  readonly codec: ClientCodec
  readonly localAddress: string | undefined
  readonly remoteAddress: string
  /** The contents of HELLO (probe). */
  hello: Readonly<Record<string, unknown>> | undefined
  /** The reason of a GOAWAY; undefined without one. */
  goAwayReason: string | undefined
  /** Answered exchanges. */
  answered = 0
  /** For how long the server's event loop was blocked before it read the last request, ms (probe). */
  serverStalledMs = 0
  /** Receives the events; undefined until the connection is ready. */
  owner: ConnectionEvents | undefined
  /** Called with received bytes before the codec. */
  onReceive: ((chunk: Buffer) => void) | undefined
  readonly #statistics: ConnectionStatistics
  /** Bytes sent before the first request, which are not counted. */
  readonly #headerBytes: number
  readonly #outstanding = new ExpiringQueue<Exchange>(late => this.#timeOut(late))
  readonly #lost: Exchange[] = []
  /** Requests sent while replies are being processed, to be written together. */
  readonly #requests: Buffer[] = []
  #collecting = false
  readonly #opened = Promise.withResolvers<Failure | undefined>()
  /** Of the exchange that is being sent. */
  #request = NO_BYTES
  /** PONGs of the current read whose times were reported. */
  #timed = 0
  #failure: Failure | undefined
  #finishing = false
  #reported = false
  /** Questions how earlier connections ended; the server answers them in order. */
  readonly #asked: PromiseWithResolvers<EndedConnection | undefined>[] = []
  #sentAtEnd: number | undefined

  constructor(socket: Socket, newCodec: NewCodec, statistics: ConnectionStatistics) {
    const { localAddress, localPort, remoteAddress, remotePort } = socket
    this.localAddress = localAddress && `${localAddress}:${localPort}`
    this.remoteAddress = remoteAddress ? `${remoteAddress}:${remotePort}` : 'unix'
    this.#headerBytes = socket.bytesWritten
    this.socket = socket
    this.#statistics = statistics
    const events: ClientEvents = {
      hello: info => {
        this.hello = { ...info, server: printable(String(info.server)) }
        statistics.helloReceived(this)
      },
      goAway: reason => {
        this.goAwayReason ??= printable(reason)
        this.owner?.goAway?.(this)
      },
      serverTimes: (receivedUs, sentUs, stalledUs) => {
        this.serverStalledMs = stalledUs / 1_000
        if (statistics.serverTimes === undefined) return
        // Their exchanges leave the queue when the whole read is processed.
        const exchange = this.#outstanding.at(this.#timed++)
        if (exchange !== undefined) statistics.serverTimes(this, exchange.sentMs, receivedUs, sentUs, stalledUs)
      },
      ended: connection => this.#asked.shift()?.resolve(connection),
      totals: (client, server) => statistics.compared(this, client, server),
    }
    this.codec = newCodec(events, () => this.#request)
    socket.on('data', chunk => this.receive(chunk))
    socket.on('end', () => this.#serverEnded())
    socket.on('error', error => this.break(describeFailure(error)))
    socket.on('close', () => this.#closed())
    if (this.codec.pulls) socket.pause()
  }

  /** Waits for the server's first message, if the server speaks first. Resolves with the failure if it does not arrive. */
  async open(timeoutMs: number): Promise<Failure | undefined> {
    if (!this.codec.opening) return undefined
    // What arrived while this process was busy is read first, even if no time is left.
    const late = () => this.codec.opening && this.break({ reason: 'timeout' })
    const timer = setTimeout(() => setImmediate(late), Math.max(0, timeoutMs))
    const failure = await this.#opened.promise
    clearTimeout(timer)
    return failure
  }

  /** The server, for logs and reports. */
  get peerName(): string {
    return this.hello === undefined ? this.remoteAddress : `${this.hello.server} at ${this.remoteAddress}`
  }

  /** Under TLS, bytes of plaintext, as in `sentBytes`. */
  get receivedBytes(): number {
    return this.socket.bytesRead
  }

  /** Bytes that have left user space. */
  get sentBytes(): number {
    return this.#sentAtEnd ?? Math.max(0, this.socket.bytesWritten - this.socket.writableLength - this.#headerBytes)
  }

  /** Bytes that the kernel has not accepted yet. */
  get bufferedBytes(): number {
    return this.socket.writableLength
  }

  get addresses(): SocketAddresses {
    return this.socket
  }

  /** Number of exchanges waiting for a reply. */
  get outstanding(): number {
    return this.#outstanding.length
  }

  /** Valid once the connection is closed. */
  get closeReason(): CloseReason {
    return closeReasonOf(this.#failure, this.goAwayReason !== undefined)
  }

  send(exchange: Exchange, nowMs = performance.now()): void {
    const request = this.begin(exchange, nowMs)
    if (this.codec.oneWay) this.socket.write(request, error => error ?? this.#answer(1))
    else if (this.#collecting) this.#requests.push(request)
    else this.socket.write(request)
  }

  /** Asks the server how an earlier connection ended. Resolves with undefined where it cannot say. */
  askLast(boot: string, connection: number): Promise<EndedConnection | undefined> {
    const question = this.#reported ? undefined : this.codec.last?.(boot, connection)
    if (question === undefined) return Promise.resolve(undefined)
    const answer = Promise.withResolvers<EndedConnection | undefined>()
    this.#asked.push(answer)
    this.socket.write(question)
    return answer.promise
  }

  /** Begins an exchange whose request the caller writes to the socket. */
  begin(exchange: Exchange, nowMs: number): Buffer {
    exchange.sentMs = nowMs
    if (exchange.request !== undefined) this.#request = exchange.request
    this.#outstanding.push(exchange)
    if (this.codec.pulls) this.socket.resume()
    return this.codec.request()
  }

  /** Closes once every outstanding exchange is answered or late. Does not wait longer than `timeoutMs` for the server to close. */
  finish(timeoutMs: number): void {
    if (this.#finishing) return
    this.#finishing = true
    if (this.#outstanding.length === 0) this.#sayGoodbye()
    // Here too, what arrived while this process was busy is read first.
    const deadline = setTimeout(() => setImmediate(() => this.destroy()), timeoutMs)
    this.socket.once('close', () => clearTimeout(deadline))
  }

  /** Sends a FIN after the requests; replies may still arrive. */
  halfClose(): void {
    this.#finishing = true
    this.socket.end()
  }

  /** Fails the connection; outstanding exchanges are lost. Only the first failure counts, because later ones follow from it. */
  break(failure: Failure, ...lost: Exchange[]): void {
    this.#failure ??= failure
    this.#opened.resolve(this.#failure)
    this.#lost.push(...lost, ...this.#outstanding.clear())
    this.destroy()
  }

  destroy(): void {
    // A destroyed socket counts discarded bytes as written.
    this.#sentAtEnd ??= this.sentBytes
    this.socket.destroy()
  }

  /** Takes received bytes that the socket does not emit itself. The chunk is not kept. */
  receive(chunk: Buffer): void {
    if (this.#reported) return
    this.onReceive?.(chunk)
    let count: number
    this.#timed = 0
    try {
      count = this.codec.receive(chunk)
    } catch (error) {
      const failure = describeFailure(error as Error)
      if (error instanceof WrongReply) this.#answer(error.completed)
      this.break(failure)
      return
    }
    this.#collecting = true
    this.#answer(count)
    this.#collecting = false
    this.#writeRequests()
    if (!this.codec.opening) this.#opened.resolve(undefined)
  }

  #writeRequests(): void {
    const requests = this.#requests
    const [first] = requests
    if (first === undefined) return
    this.socket.write(requests.length === 1 ? first : (this.codec.repeated?.(requests.length) ?? Buffer.concat(requests)))
    requests.length = 0
  }

  #answer(count: number): void {
    const nowMs = performance.now()
    for (let left = count; left > 0; ) {
      const exchange = this.#outstanding.shift()
      if (exchange === undefined) return
      let repeated = 1
      for (; repeated < left && this.#outstanding.at(0) === exchange; repeated++) this.#outstanding.shift()
      left -= repeated
      this.answered += repeated
      const roundTripMs = nowMs - exchange.sentMs
      this.#statistics.answered(this, exchange, roundTripMs, nowMs, repeated)
      this.owner?.answered(this, exchange, roundTripMs, nowMs, repeated)
    }
    if (count === 0 || this.#outstanding.length > 0) return
    if (this.#finishing) this.#sayGoodbye()
    else if (this.codec.pulls) this.socket.pause()
  }

  /** Says BYE if the protocol has it: the server then replies with its totals and closes first. Otherwise, sends a FIN. */
  #sayGoodbye(): void {
    const goodbye = this.codec.goodbye?.()
    this.socket.resume()
    if (goodbye === undefined || this.socket.writableEnded) this.socket.end()
    else this.socket.write(goodbye)
  }

  #serverEnded(): void {
    const planned = this.#finishing || this.goAwayReason !== undefined
    if (planned && this.#outstanding.length === 0) {
      this.socket.end()
      // The socket closes later; until then, its owner must not send on it.
      this.#closed()
    } else this.break({ reason: 'eof' })
  }

  #timeOut(late: Exchange): void {
    const inspected = this.#reported ? undefined : this.owner?.timedOut?.(this)
    if (inspected === undefined) {
      this.break({ reason: 'timeout' }, late)
      return
    }
    this.#failure ??= { reason: 'timeout' }
    this.#lost.push(late, ...this.#outstanding.clear())
    this.#closed()
    void inspected.finally(() => this.destroy())
  }

  #closed(): void {
    if (this.#reported) return
    this.#reported = true
    this.#opened.resolve(this.#failure ?? { reason: 'eof' })
    for (const { resolve } of this.#asked.splice(0)) resolve(undefined)
    this.#sentAtEnd ??= this.sentBytes
    const lost = [...this.#lost, ...this.#outstanding.clear()]
    this.#statistics.closed(this, this.#failure, lost)
    this.owner?.closed(this, this.#failure, lost)
  }
}
