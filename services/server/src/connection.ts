import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type Bytes, ProtocolError, type ServerCodec } from '@nihao/wire'
import type { ConnectionFaults, CutKind } from './faults.ts'
import { FaultyOutput } from './faulty-output.ts'
import { countRead } from './read-buffers.ts'
import type { CloseReason } from './reasons.ts'

/** Times in ms; 0 = never. */
export interface ConnectionLimits {
  readonly idleTimeout: number
  readonly slowReaderTimeout: number
  readonly maxAge: number
  /** Silence after which the kernel asks whether the peer is still there. */
  readonly keepAlive: number
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
export const MAX_AGE_JITTER = 0.1

/**
 * While draining, a connection on which nothing comes for this long is ended. It is longer than the usual interval of clients that
 * ask regularly: those are left right after a reply, when their next request is farthest away.
 */
const DRAIN_QUIET_MS = 1_500

const NOTHING = Buffer.alloc(0)

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
  /** Where replies go: the socket itself, but where faults are on. */
  readonly #output: Writable
  readonly #codec: ServerCodec
  readonly #onClose: (connection: Connection, reason: CloseReason) => void
  #reason: CloseReason | undefined
  /** Why the connection is to be ended as soon as nothing is under way on it. */
  #leaving: 'drained' | 'max_age' | undefined
  #keptAlive = false
  #movedBytes = 0
  #movedAtMs = this.openedAtMs
  #maxAgeShare = 1 - Math.random() * MAX_AGE_JITTER
  #deadlineMs = Number.POSITIVE_INFINITY
  #finalTotals: { sentBytes: number; bufferedBytes: number } | undefined

  /**
   * The socket must allow half-open connections, else what is not yet written is lost when the peer half-closes.
   * @param opening what is sent before anything is received
   */
  constructor(
    socket: Socket,
    peer: Peer,
    codec: ServerCodec,
    opening: Bytes | undefined,
    onClose: (connection: Connection, reason: CloseReason) => void,
    faults?: ConnectionFaults,
  ) {
    this.peer = peer
    this.#socket = socket
    this.#output =
      faults === undefined
        ? socket
        : new FaultyOutput(socket, faults, { messages: () => this.messages, cut: kind => this.#makeFault(kind) })
    this.#codec = codec
    this.#onClose = onClose
    socket.on('data', chunk => {
      countRead(chunk.length)
      this.#receive(chunk)
    })
    socket.on('end', () => this.#end('client_closed', Number.POSITIVE_INFINITY))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#close())
    if (opening !== undefined) this.#write(opening)
    if (codec.produce !== undefined) this.#produce()
  }

  get messages(): number {
    return this.#codec.messages
  }

  /** Messages that were not as they had been sent. */
  get corrupt(): number {
    return this.#codec.corrupt ?? 0
  }

  /** Under TLS these are the bytes inside, here and in what was sent. */
  get receivedBytes(): number {
    return this.#socket.bytesRead - (this.peer.headerBytes ?? 0)
  }

  /** Bytes that have left user space. */
  get sentBytes(): number {
    return this.#finalTotals?.sentBytes ?? this.#socket.bytesWritten - this.#socket.writableLength
  }

  /** Bytes that wait for the peer to read; at the end, those that it never got. */
  get bufferedBytes(): number {
    return this.#finalTotals?.bufferedBytes ?? this.#output.writableLength
  }

  /** Applies what depends on time. A limit is met with the precision with which this is called. */
  check(nowMs: number, limits: ConnectionLimits): void {
    if (nowMs >= this.#deadlineMs) {
      this.cut(this.#reason ?? this.#leaving ?? 'error')
      return
    }
    if (limits.maxAge > 0 && this.#leaving === undefined && nowMs - this.openedAtMs >= limits.maxAge * this.#maxAgeShare) {
      this.leave('max_age', MAX_AGE_GRACE_MS)
    }
    if (!this.#keptAlive) this.#keepAlive(limits.keepAlive)
    const movedBytes = this.receivedBytes + this.sentBytes
    if (movedBytes !== this.#movedBytes) {
      this.#movedBytes = movedBytes
      this.#movedAtMs = nowMs
      return
    }
    const stillMs = nowMs - this.#movedAtMs
    const over = (limitMs: number) => limitMs > 0 && stillMs >= limitMs
    const quiet = stillMs >= DRAIN_QUIET_MS && this.bufferedBytes === 0
    if (this.#socket.writableLength > 0 && over(limits.slowReaderTimeout)) this.cut('slow_reader')
    else if (this.#output.writableEnded) return
    else if (this.#leaving !== undefined && this.#codec.goAway === undefined && quiet) this.#end(this.#leaving)
    else if (over(limits.idleTimeout)) this.#end('idle_timeout')
  }

  /**
   * Ends the connection without cutting anything off: asks the peer to go, where the protocol has a word for that, else ends it when what
   * was received is answered: after the next reply, or when nothing comes. After `graceMs` it is cut.
   */
  leave(reason: 'drained' | 'max_age', graceMs: number): void {
    this.#leaving = reason
    if (this.#output.writableEnded) return
    // A drain cuts what is left by itself, all at once.
    if (reason !== 'drained') this.#deadlineMs = performance.now() + graceMs
    if (this.#codec.goAway !== undefined) this.#write(this.#codec.goAway(reason === 'drained' ? 'drain' : reason, graceMs))
    else if (this.#codec.produce !== undefined) this.#end(reason)
  }

  /** Ends the connection at once; what waits for the peer is lost, and told as `bufferedBytes`. */
  cut(reason: CloseReason): void {
    this.#reason = reason
    this.unansweredBytes += this.#codec.pending?.length ?? 0
    this.#freezeTotals()
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#output.writableEnded) {
      this.unansweredBytes += chunk.length
      return
    }
    // A loop: a chunk of line ends has thousands of pending parts where the greeting is long.
    let next: Buffer | undefined = chunk
    do {
      this.#answer(next)
      next = this.#codec.pending
    } while (next !== undefined && !this.#socket.isPaused() && !this.#output.writableEnded)
    if (next !== undefined || this.#output.writableEnded) return
    if (this.#codec.finished) this.#end(this.#leaving ?? 'client_closed')
    else if (this.#leaving !== undefined && this.#codec.goAway === undefined && !this.#socket.isPaused())
      this.#endIfQuiet(this.#leaving)
  }

  #answer(chunk: Buffer): void {
    try {
      const reply = this.#codec.receive(chunk)
      if (reply !== undefined) this.#write(reply)
      else if (this.#output !== this.#socket) this.#write(NOTHING)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.error = error
      if (error.reply !== undefined) this.#write(error.reply)
      this.#end('protocol_error')
    }
  }

  #write(bytes: Bytes): void {
    if (Buffer.isBuffer(bytes) || typeof bytes === 'string') {
      if (!this.#output.write(bytes, 'latin1')) this.#pause()
      return
    }
    if (this.#output !== this.#socket) {
      this.#write(Buffer.concat(bytes))
      return
    }
    this.#socket.cork()
    for (const piece of bytes) this.#socket.write(piece)
    this.#socket.uncork()
    if (this.#socket.writableNeedDrain) this.#pause()
  }

  /** Four system calls that a connection is spared which does not live until the first check. */
  #keepAlive(silenceMs: number): void {
    this.#keptAlive = true
    if (silenceMs > 0) this.#socket.setKeepAlive(true, silenceMs)
  }

  /** Stops reading until the peer has taken what waits for it: memory is bounded by one read and what a write may buffer. */
  #pause(): void {
    if (this.#socket.isPaused()) return
    this.readPauses++
    this.#socket.pause()
    this.#output.once('drain', () => this.#resume())
  }

  #resume(): void {
    this.#socket.resume()
    const { pending } = this.#codec
    if (pending !== undefined) this.#receive(pending)
  }

  /** Sends without end: a block at a time while the kernel takes it, others having their turn in between, or when it has drained. */
  #produce(): void {
    const block = this.#codec.produce?.()
    if (block === undefined || this.#output.writableEnded || this.#socket.destroyed) return
    if (this.#output.write(block)) setImmediate(() => this.#produce())
    else this.#output.once('drain', () => this.#produce())
  }

  /** Ends the connection between two messages, unless more arrives while the event loop turns once. */
  #endIfQuiet(reason: CloseReason): void {
    const { receivedBytes } = this
    setImmediate(() => {
      if (this.receivedBytes === receivedBytes && !this.#codec.midMessage) this.#end(reason)
    })
  }

  /** Closes the server's side behind the last reply. The rest is the peer's: its FIN closes the connection. */
  #end(reason: CloseReason, lingerMs = reason === 'drained' ? Number.POSITIVE_INFINITY : LINGER_MS): void {
    this.#reason ??= reason
    this.#deadlineMs = Math.min(this.#deadlineMs, performance.now() + lingerMs)
    this.#output.end()
    this.#socket.resume()
  }

  /** Ends the connection as a fault wants it. After a stall it is open until its peer has enough. */
  #makeFault(kind: CutKind): void {
    this.#reason ??= 'fault'
    if (kind === 'close_after') {
      this.#end('fault')
    } else if (kind === 'reset_after') {
      this.#freezeTotals()
      // Over TLS there is no way to the RST: the end without close_notify tells as well that something broke.
      if (this.#socket instanceof TLSSocket) this.#socket.destroy()
      else this.#socket.resetAndDestroy()
    } else if (this.#socket.readableEnded) {
      this.cut('fault')
    } else {
      this.#socket.once('end', () => this.cut('fault'))
    }
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.error ??= error
    const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE'
    this.#reason ??= isReset ? 'reset' : error.code?.startsWith('ERR_SSL_') ? 'tls_error' : 'error'
    this.#freezeTotals()
  }

  #close(): void {
    this.#freezeTotals()
    this.#onClose(this, this.#reason ?? 'client_closed')
  }

  /** Once a socket is destroyed, Node counts what it threw away as written: the last true figures are those from just before. */
  #freezeTotals(): void {
    this.#finalTotals ??= { sentBytes: this.sentBytes, bufferedBytes: this.bufferedBytes }
  }
}
