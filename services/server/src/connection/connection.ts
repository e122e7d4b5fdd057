import type { Socket } from 'node:net'
import { type Bytes, ProtocolError, type ServerCodec } from '@nihao/wire'
import type { CloseReason } from '../reasons.ts'
import { reset } from '../tls/reset.ts'
import type { Listed } from './connection-list.ts'
import { type DrainReason, LINGER_MS, Lifetime, type LifetimeLimits, type LifetimeState } from './lifetime.ts'
import type { Output, OutputOwner } from './output.ts'
import type { Peer } from './peer.ts'
import { countRead } from './read-buffers.ts'
import type { ConnectionReport } from './report.ts'
import { handleEvents, type SocketHandler } from './socket-events.ts'

export interface ConnectionLimits extends LifetimeLimits {
  /** Reading pauses while more bytes than this are buffered for sending. */
  readonly maxBuffered: number
  /** Idle time in ms before the kernel sends keep-alive probes; 0 = never. */
  readonly keepAlive: number
}

/** Shared by all connections of a listener. */
export interface ConnectionOwner {
  readonly label: string
  readonly limits: ConnectionLimits
  /** Called once, at the end. */
  closed(connection: Connection, report: ConnectionReport): void
}

export interface ConnectionParts {
  /** Unique in this process. */
  readonly id: number
  /** Must allow half-open connections; otherwise, unwritten replies are lost when the peer half-closes. */
  readonly socket: Socket
  readonly output: Output
  readonly peer: Peer
  readonly codec: ServerCodec
  /** Sent before anything is received. */
  readonly opening: Bytes | undefined
  /** Whole ms of the monotonic clock. */
  readonly acceptedAtMs: number
}

/**
 * Pumps one accepted stream from its first byte to its last: read → codec → write, with backpressure. It has no timers: its listener
 * calls `check` periodically. It neither logs nor counts: its report says how it ended.
 */
export class Connection implements Listed, SocketHandler, OutputOwner, LifetimeState {
  index = -1
  readonly id: number
  readonly peer: Peer
  readonly openedAtMs: number
  reason: CloseReason | undefined
  #readPauses = 0
  #unansweredBytes = 0
  #error: Error | undefined
  #unexpected = false
  #paused = false
  #producerBlocked = false
  #checked = false
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #output: Output
  readonly #codec: ServerCodec
  readonly #lifetime: Lifetime

  constructor(owner: ConnectionOwner, { id, socket, output, peer, codec, opening, acceptedAtMs }: ConnectionParts) {
    this.id = id
    this.peer = peer
    this.openedAtMs = acceptedAtMs
    this.#owner = owner
    this.#socket = socket
    this.#output = output
    this.#codec = codec
    this.#lifetime = new Lifetime(owner.limits, acceptedAtMs, Math.random())
    output.attach(this)
    handleEvents(socket, this)
    output.write(opening)
    if (codec.produce !== undefined) this.#produce()
  }

  get messages(): number {
    return this.#codec.messages
  }

  /** Messages that arrived corrupt. */
  get corrupt(): number {
    return this.#codec.corrupt ?? 0
  }

  get readPauses(): number {
    return this.#readPauses
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead - (this.peer.headerBytes ?? 0)
  }

  get sentBytes(): number {
    return this.#output.sentBytes
  }

  get bufferedBytes(): number {
    return this.#output.bufferedBytes
  }

  get waitingBytes(): number {
    return this.#output.waitingBytes
  }

  get movedBytes(): number {
    return this.receivedBytes + this.sentBytes
  }

  get ended(): boolean {
    return this.#output.ended
  }

  get canAskToClose(): boolean {
    return this.#codec.goAway !== undefined
  }

  /** The connection as it is now. */
  report(): ConnectionReport {
    return {
      id: this.id,
      listener: this.#owner.label,
      peer: this.peer,
      reason: this.reason ?? 'client_closed',
      durationMs: now() - this.openedAtMs,
      receivedBytes: this.receivedBytes,
      sentBytes: this.sentBytes,
      unsentBytes: this.bufferedBytes,
      unansweredBytes: this.#unansweredBytes,
      messages: this.messages,
      corrupt: this.corrupt,
      finSeen: this.#socket.readableEnded,
      readPauses: this.#readPauses,
      error: this.#error,
      unexpected: this.#unexpected,
      handshakeFailure: undefined,
    }
  }

  /** Applies the limits that depend on time. */
  check(nowMs: number): void {
    try {
      if (!this.#checked) this.#keepAlive()
      const step = this.#lifetime.next(nowMs, this)
      if (step === undefined) return
      if (step.action === 'drain') this.drain(step.reason, step.graceMs)
      else this[step.action](step.reason)
    } catch (error) {
      this.#crash(error)
    }
  }

  /**
   * Ends the connection gracefully: asks the peer to close if the protocol has a message for that. Otherwise, the connection ends once
   * everything received has been answered: after the next reply, or when idle.
   */
  drain(reason: DrainReason, graceMs: number): void {
    // A draining server terminates all remaining connections itself.
    this.#lifetime.drain(reason, now(), reason === 'drained' || this.ended ? 0 : graceMs)
    if (this.ended) return
    try {
      if (this.#codec.goAway !== undefined) {
        this.#output.write(this.#codec.goAway(reason === 'drained' ? 'drain' : reason, graceMs))
      } else if (this.#codec.produce !== undefined) this.end(reason)
    } catch (error) {
      this.#crash(error)
    }
  }

  /** Half-closes the connection after the last reply; it closes when the peer half-closes too. */
  end(reason: CloseReason): void {
    this.#end(reason, reason === 'drained' ? 0 : LINGER_MS)
  }

  /** Destroys the connection immediately. Replies that the peer has not read are lost. */
  terminate(reason: CloseReason): void {
    this.reason = reason
    this.#unansweredBytes += this.#codec.pending?.length ?? 0
    this.#output.freeze()
    this.#socket.destroy()
  }

  reset(reason: CloseReason): void {
    this.reason ??= reason
    this.#output.freeze()
    reset(this.#socket)
  }

  stalled(reason: CloseReason): void {
    this.reason ??= reason
    if (this.#socket.readableEnded) this.terminate(reason)
  }

  drained(): void {
    if (this.#paused) this.#resume()
    if (this.#producerBlocked) this.#produce()
  }

  received(chunk: Buffer): void {
    countRead(chunk.length)
    this.#receive(chunk)
  }

  peerEnded(): void {
    // Bytes that arrived before the FIN are answered first.
    if (this.#codec.pending === undefined) this.#end('client_closed', 0)
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#output.freeze(error)
    this.#error ??= error
    const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE'
    this.reason ??= isReset ? 'reset' : error.code?.startsWith('ERR_SSL_') ? 'tls_error' : 'error'
  }

  closed(): void {
    this.#output.freeze()
    this.#owner.closed(this, this.report())
  }

  #receive(chunk: Buffer): void {
    const output = this.#output
    if (output.ended) {
      this.#unansweredBytes += chunk.length
      return
    }
    const codec = this.#codec
    // Not recursive: with a long greeting, a chunk of line ends has thousands of pending parts.
    let next: Buffer | undefined = chunk
    try {
      do {
        output.write(codec.receive(next))
        next = codec.pending
        if (output.bufferedBytes > this.#owner.limits.maxBuffered) this.#pause()
      } while (next !== undefined && !this.#paused)
    } catch (error) {
      this.#handleError(error)
      return
    }
    if (next !== undefined) return
    if (this.#socket.readableEnded) this.#end('client_closed', 0)
    else if (codec.finished) this.end(this.#lifetime.draining ?? 'client_closed')
    else if (this.#lifetime.draining !== undefined && !this.canAskToClose && !this.#paused)
      this.#endIfQuiet(this.#lifetime.draining)
  }

  /** Stops reading until the peer has read its replies. This bounds memory to `maxBuffered` plus the reply to one read. */
  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#readPauses++
    this.#socket.pause()
    this.#output.notifyDrained()
  }

  #resume(): void {
    this.#paused = false
    this.#socket.resume()
    const { pending } = this.#codec
    if (pending !== undefined) this.#receive(pending)
  }

  /** Sends endlessly: one block per turn of the event loop, but never before the kernel has accepted the previous one. */
  #produce(): void {
    this.#producerBlocked = false
    if (this.ended || this.#socket.destroyed) return
    try {
      this.#output.write(this.#codec.produce?.())
    } catch (error) {
      this.#crash(error)
      return
    }
    if (this.bufferedBytes === 0) setImmediate(() => this.#produce())
    else {
      this.#producerBlocked = true
      this.#output.notifyDrained()
    }
  }

  /** Ends the connection between two messages, unless more arrives within one turn of the event loop. */
  #endIfQuiet(reason: CloseReason): void {
    const { receivedBytes } = this
    setImmediate(() => {
      if (this.receivedBytes === receivedBytes && !this.#codec.midMessage) this.end(reason)
    })
  }

  #end(reason: CloseReason, lingerMs: number): void {
    this.reason ??= reason
    this.#lifetime.ended(now(), lingerMs)
    this.#output.end()
    this.#socket.resume()
  }

  /** Enabled at the first check, which saves short connections four system calls. */
  #keepAlive(): void {
    this.#checked = true
    const { keepAlive } = this.#owner.limits
    if (keepAlive > 0) this.#socket.setKeepAlive(true, keepAlive)
  }

  #handleError(error: unknown): void {
    if (!(error instanceof ProtocolError)) {
      this.#crash(error)
      return
    }
    this.#error = error
    this.#output.write(error.reply)
    this.end('protocol_error')
  }

  /** A bug terminates only its own connection. */
  #crash(error: unknown): void {
    this.#error = error instanceof Error ? error : new Error(String(error))
    this.#unexpected = true
    this.terminate('error')
  }
}

/** Whole ms of the monotonic clock: small integers are not heap-allocated. */
export function now(): number {
  return Math.floor(performance.now())
}
