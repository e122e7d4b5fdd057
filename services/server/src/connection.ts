import type { Socket } from 'node:net'
import type { ServerHalf } from '@nihao/wire'
import { countRead } from './read-buffers.ts'

/** Why a connection ended: the `reason` of logs and metrics. */
export const closeReasons = [
  'client_closed',
  'drained',
  'drain_timeout',
  'idle_timeout',
  'slow_reader',
  'reset',
  'error',
] as const
export type CloseReason = (typeof closeReasons)[number]

/** Times in ms; 0 = never. */
export interface ConnectionLimits {
  readonly idleTimeout: number
  readonly slowReaderTimeout: number
}

/** How long a peer may take to close its side after the server closed its own because nothing moved. */
const LINGER_MS = 2_000

/**
 * While draining, a connection on which nothing comes for this long is ended. It is longer than the usual interval of clients that
 * ask regularly: those are left right after a reply, when their next request is farthest away.
 */
const DRAIN_QUIET_MS = 1_500

/**
 * One accepted stream from its first byte to its last: read → protocol → write, with backpressure. It has no timers; the listener
 * calls `check` now and then. It neither logs nor counts: whoever wants to know reads it, and hears of its end once.
 */
export class Connection {
  readonly openedAtMs = performance.now()
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  /** Times that reading stopped because the peer did not take its replies. */
  readPauses = 0
  /** Bytes that came after the server had closed its side, and so got no reply. */
  unansweredBytes = 0
  /** What the operating system said, where the connection broke. */
  error: NodeJS.ErrnoException | undefined
  readonly #socket: Socket
  readonly #half: ServerHalf
  readonly #onClose: (connection: Connection, reason: CloseReason) => void
  #reason: CloseReason | undefined
  #draining = false
  #movedBytes = 0
  #movedAtMs = this.openedAtMs
  #booksAtEnd: { sentBytes: number; bufferedBytes: number } | undefined

  /** The socket must allow half-open connections, else what is not yet written is lost when the peer half-closes. */
  constructor(
    socket: Socket,
    remoteAddress: string | undefined,
    half: ServerHalf,
    onClose: (connection: Connection, reason: CloseReason) => void,
  ) {
    this.remoteAddress = remoteAddress
    this.remotePort = socket.remotePort
    this.#socket = socket
    this.#half = half
    this.#onClose = onClose
    socket.on('data', chunk => this.#receive(chunk))
    socket.on('end', () => this.#end('client_closed'))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#close())
  }

  get messages(): number {
    return this.#half.messages
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead
  }

  /** Bytes that have left user space. */
  get sentBytes(): number {
    return this.#booksAtEnd?.sentBytes ?? this.#socket.bytesWritten - this.#socket.writableLength
  }

  /** Bytes that wait for the peer to read; at the end, those that it never got. */
  get bufferedBytes(): number {
    return this.#booksAtEnd?.bufferedBytes ?? this.#socket.writableLength
  }

  /** Applies what depends on time. A limit is met with the precision with which this is called. */
  check(nowMs: number, limits: ConnectionLimits): void {
    const movedBytes = this.receivedBytes + this.sentBytes
    if (movedBytes !== this.#movedBytes) {
      this.#movedBytes = movedBytes
      this.#movedAtMs = nowMs
      return
    }
    const stillMs = nowMs - this.#movedAtMs
    const over = (limitMs: number) => limitMs > 0 && stillMs >= limitMs
    if (this.bufferedBytes > 0 && over(limits.slowReaderTimeout)) this.cut('slow_reader')
    else if (this.#reason === 'idle_timeout' && stillMs >= limits.idleTimeout + LINGER_MS) this.cut('idle_timeout')
    else if (this.#draining && this.bufferedBytes === 0 && stillMs >= DRAIN_QUIET_MS) this.#end('drained')
    else if (over(limits.idleTimeout)) this.#end('idle_timeout')
  }

  /** Ends the connection when what it has received is answered: after the next reply, or when nothing comes. */
  drain(): void {
    this.#draining = true
  }

  /** Ends the connection at once; what waits for the peer is lost, and told as `bufferedBytes`. */
  cut(reason: CloseReason): void {
    this.#reason = reason
    this.#closeBooks()
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    countRead(chunk.length)
    if (this.#socket.writableEnded) {
      this.unansweredBytes += chunk.length
      return
    }
    const reply = this.#half.receive(chunk)
    if (reply !== undefined && !this.#socket.write(reply, 'latin1')) this.#pause()
    if (this.#draining && !this.#socket.isPaused()) this.#endIfQuiet()
  }

  /** Stops reading until the peer has taken what waits for it: memory is bounded by one read and what a write may buffer. */
  #pause(): void {
    this.readPauses++
    this.#socket.pause()
    this.#socket.once('drain', () => this.#socket.resume())
  }

  /** Ends the connection between two messages, unless more arrives while the event loop turns once. */
  #endIfQuiet(): void {
    const { receivedBytes } = this
    setImmediate(() => {
      if (this.receivedBytes === receivedBytes && !this.#half.midMessage) this.#end('drained')
    })
  }

  /** Closes the server's side behind the last reply. The rest is the peer's: its FIN closes the connection. */
  #end(reason: CloseReason): void {
    this.#reason ??= reason
    this.#socket.end()
    this.#socket.resume()
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.error = error
    this.#reason ??= error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'reset' : 'error'
    this.#closeBooks()
  }

  #close(): void {
    this.#closeBooks()
    this.#onClose(this, this.#reason ?? 'client_closed')
  }

  /** Once a socket is destroyed, Node counts what it threw away as written: the last true figures are those from just before. */
  #closeBooks(): void {
    this.#booksAtEnd ??= { sentBytes: this.sentBytes, bufferedBytes: this.bufferedBytes }
  }
}
