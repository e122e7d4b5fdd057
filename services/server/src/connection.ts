import type { Socket } from 'node:net'
import { type Bytes, ProtocolError, type ServerHalf } from '@nihao/wire'

/** Why a connection ended: the `reason` of logs and metrics. */
export const closeReasons = [
  'client_closed',
  'drained',
  'drain_timeout',
  'idle_timeout',
  'max_age',
  'slow_reader',
  'reset',
  'protocol_error',
  'tls_error',
  'error',
] as const
export type CloseReason = (typeof closeReasons)[number]

/** Times in ms; 0 = never. */
export interface ConnectionLimits {
  readonly idleTimeout: number
  readonly slowReaderTimeout: number
  readonly maxAge: number
}

/** The other end, as limits, logs and reports know it. */
export interface Peer {
  readonly address: string | undefined
  readonly port: number | undefined
  /** The proxy that told the address, as the socket has it. */
  readonly via?: { readonly address: string | undefined; readonly port: number | undefined }
  /** What came in front of the first byte of the protocol, and is not counted. */
  readonly headerBytes?: number
}

/** How long a peer may take to close its side after the server closed its own. While draining, the drain has its own limit. */
const LINGER_MS = 2_000

/** How long a peer may take to leave by itself when its connection has become too old. */
const MAX_AGE_GRACE_MS = 10_000

/** Connections that began together do not end together: each one's limit of age is up to this share shorter. */
const MAX_AGE_JITTER = 0.1

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
  readonly peer: Peer
  /** Times that reading stopped because the peer did not take its replies. */
  readPauses = 0
  /** Bytes that came after the server had closed its side, and so got no reply. */
  unansweredBytes = 0
  /** What the operating system said where the connection broke, or how the peer left the protocol. */
  error: NodeJS.ErrnoException | undefined
  readonly #socket: Socket
  readonly #half: ServerHalf
  readonly #onClose: (connection: Connection, reason: CloseReason) => void
  #reason: CloseReason | undefined
  /** Why the connection is to be ended as soon as nothing is under way on it. */
  #leaving: 'drained' | 'max_age' | undefined
  #movedBytes = 0
  #movedAtMs = this.openedAtMs
  #maxAgeShare = 1 - Math.random() * MAX_AGE_JITTER
  #deadlineMs = Number.POSITIVE_INFINITY
  #booksAtEnd: { sentBytes: number; bufferedBytes: number } | undefined

  /**
   * The socket must allow half-open connections, else what is not yet written is lost when the peer half-closes.
   * @param opening what is sent before anything is received
   */
  constructor(
    socket: Socket,
    peer: Peer,
    half: ServerHalf,
    opening: Bytes | undefined,
    onClose: (connection: Connection, reason: CloseReason) => void,
  ) {
    this.peer = peer
    this.#socket = socket
    this.#half = half
    this.#onClose = onClose
    socket.on('data', chunk => this.#receive(chunk))
    socket.on('end', () => this.#end('client_closed', Number.POSITIVE_INFINITY))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#close())
    if (opening !== undefined) this.#write(opening)
    if (half.produce !== undefined) this.#produce()
  }

  get messages(): number {
    return this.#half.messages
  }

  /** Messages that were not as they had been sent. */
  get corrupt(): number {
    return this.#half.corrupt ?? 0
  }

  /** Under TLS these are the bytes inside, here and in what was sent. */
  get receivedBytes(): number {
    return this.#socket.bytesRead - (this.peer.headerBytes ?? 0)
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
    if (nowMs >= this.#deadlineMs) {
      this.cut(this.#leaving ?? 'error')
      return
    }
    if (limits.maxAge > 0 && this.#leaving === undefined && nowMs - this.openedAtMs >= limits.maxAge * this.#maxAgeShare) {
      this.leave('max_age', MAX_AGE_GRACE_MS)
    }
    const movedBytes = this.receivedBytes + this.sentBytes
    if (movedBytes !== this.#movedBytes) {
      this.#movedBytes = movedBytes
      this.#movedAtMs = nowMs
      return
    }
    const stillMs = nowMs - this.#movedAtMs
    const over = (limitMs: number) => limitMs > 0 && stillMs >= limitMs
    if (this.bufferedBytes > 0 && over(limits.slowReaderTimeout)) this.cut('slow_reader')
    else if (this.#socket.writableEnded) return
    else if (this.#leaving !== undefined && this.#half.goAway === undefined && stillMs >= DRAIN_QUIET_MS) this.#end(this.#leaving)
    else if (over(limits.idleTimeout)) this.#end('idle_timeout')
  }

  /**
   * Ends the connection without cutting anything off: asks the peer to go, where the protocol has a word for that, else ends it when what
   * was received is answered: after the next reply, or when nothing comes. After `graceMs` it is cut.
   */
  leave(reason: 'drained' | 'max_age', graceMs: number): void {
    this.#leaving = reason
    // A drain cuts what is left by itself, all at once.
    if (reason !== 'drained') this.#deadlineMs = performance.now() + graceMs
    if (this.#half.goAway !== undefined) this.#write(this.#half.goAway(reason === 'drained' ? 'drain' : reason, graceMs))
    else if (this.#half.produce !== undefined) this.#end(reason)
  }

  /** Ends the connection at once; what waits for the peer is lost, and told as `bufferedBytes`. */
  cut(reason: CloseReason): void {
    this.#reason ??= reason
    this.#closeBooks()
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#socket.writableEnded) {
      this.unansweredBytes += chunk.length
      return
    }
    try {
      const reply = this.#half.receive(chunk)
      if (reply !== undefined) this.#write(reply)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.error = error
      this.#end('protocol_error')
      return
    }
    if (this.#half.ended) this.#end(this.#leaving ?? 'client_closed')
    else if (this.#leaving !== undefined && this.#half.goAway === undefined) this.#endIfQuiet(this.#leaving)
  }

  #write(bytes: Bytes): void {
    if (Buffer.isBuffer(bytes) || typeof bytes === 'string') {
      if (!this.#socket.write(bytes, 'latin1')) this.#pause()
      return
    }
    this.#socket.cork()
    for (const piece of bytes) this.#socket.write(piece)
    this.#socket.uncork()
    if (this.#socket.writableNeedDrain) this.#pause()
  }

  /** Stops reading until the peer has taken what waits for it: memory is bounded by one read and what a write may buffer. */
  #pause(): void {
    if (this.#socket.isPaused()) return
    this.readPauses++
    this.#socket.pause()
    this.#socket.once('drain', () => this.#socket.resume())
  }

  /** Sends without end: a block at a time while the kernel takes it, others having their turn in between, or when it has drained. */
  #produce(): void {
    const block = this.#half.produce?.()
    if (block === undefined || this.#socket.writableEnded || this.#socket.destroyed) return
    if (this.#socket.write(block)) setImmediate(() => this.#produce())
    else this.#socket.once('drain', () => this.#produce())
  }

  /** Ends the connection between two messages, unless more arrives while the event loop turns once. */
  #endIfQuiet(reason: CloseReason): void {
    const { receivedBytes } = this
    setImmediate(() => {
      if (this.receivedBytes === receivedBytes && !this.#half.midMessage) this.#end(reason)
    })
  }

  /** Closes the server's side behind the last reply. The rest is the peer's: its FIN closes the connection. */
  #end(reason: CloseReason, lingerMs = reason === 'drained' ? Number.POSITIVE_INFINITY : LINGER_MS): void {
    this.#reason ??= reason
    this.#deadlineMs = Math.min(this.#deadlineMs, performance.now() + lingerMs)
    this.#socket.end()
    this.#socket.resume()
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.error ??= error
    const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE'
    this.#reason ??= isReset ? 'reset' : error.code?.startsWith('ERR_SSL_') ? 'tls_error' : 'error'
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
