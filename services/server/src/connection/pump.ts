import type { Socket } from 'node:net'
import { type Bytes, ProtocolError, type ServerCodec } from '@nihao/wire'
import type { BufferBudget, Holder } from '../limits/buffer-budget.ts'
import type { CloseReason } from '../reasons.ts'
import { reset } from '../tls/reset.ts'
import type { DrainReason } from './lifetime.ts'
import type { Output, OutputOwner } from './output.ts'
import { countRead } from './read-buffers.ts'
import { handleEvents, type SocketHandler } from './socket-events.ts'

/** A peer that holds more is counted at once, and otherwise at the next sweep: most replies are sent before that. */
const COUNTED_AT_ONCE_BYTES = 16 * 1_024

/** What Node reads at a time: after that much, the rest of a message has probably arrived too, and one write can answer both. */
const READ_BYTES = 65_536

export interface PumpParts {
  /** Must allow half-open connections; otherwise, unwritten replies are lost when the peer half-closes. */
  readonly socket: Socket
  readonly output: Output
  readonly codec: ServerCodec
  /** Sent before anything is received. */
  readonly opening: Bytes | undefined
}

/**
 * Pumps one accepted stream from its first byte to its last: read → codec → write, with backpressure. It is independent of time limits,
 * logs and metrics.
 */
export abstract class Pump implements SocketHandler, OutputOwner, Holder {
  heldBytes = 0
  /** Defined if the connection is ending. */
  reason: CloseReason | undefined
  /** Defined while the connection is draining: it ends as soon as no message is in progress. */
  draining: DrainReason | undefined
  /** Number of times that reading paused because the peer did not read its replies. */
  readPauses = 0
  protected readonly socket: Socket
  protected readonly output: Output
  protected readonly codec: ServerCodec
  /** Bytes received after the server had half-closed. */
  protected unansweredBytes = 0
  protected error: Error | undefined
  /** True if the error is a bug. */
  protected unexpected = false
  readonly #maxBuffered: number
  readonly #countAbove: number
  readonly #budget: BufferBudget
  #paused = false
  #producerBlocked = false

  /** @param maxBuffered reading pauses while more bytes than this are buffered for sending */
  constructor({ socket, output, codec, opening }: PumpParts, maxBuffered: number, budget: BufferBudget) {
    this.socket = socket
    this.output = output
    this.codec = codec
    this.#maxBuffered = maxBuffered
    this.#countAbove = Math.min(maxBuffered, COUNTED_AT_ONCE_BYTES)
    this.#budget = budget
    output.attach(this)
    handleEvents(socket, this)
    output.write(opening)
    if (codec.produce !== undefined) this.#produce()
  }

  /**
   * Ends the connection gracefully: asks the peer to close within `graceMs` if the protocol has a message for that, and otherwise ends after
   * the next reply.
   */
  drain(reason: DrainReason, graceMs: number): void {
    this.draining = reason
    if (this.output.ended) return
    try {
      if (this.codec.goAway !== undefined) {
        this.output.write(this.codec.goAway(reason === 'drained' ? 'drain' : reason, graceMs))
      } else if (this.codec.produce !== undefined) this.end(reason)
    } catch (error) {
      this.crash(error)
    }
  }

  /** Half-closes the connection after the last reply; it closes when the peer half-closes too. */
  end(reason: CloseReason): void {
    this.reason ??= reason
    this.output.end()
    this.socket.resume()
  }

  /** Destroys the connection immediately. Replies that the peer has not read are lost. */
  terminate(reason: CloseReason): void {
    this.reason = reason
    this.unansweredBytes += this.codec.pending?.length ?? 0
    this.output.freeze()
    this.socket.destroy()
  }

  reset(reason: CloseReason): void {
    this.reason ??= reason
    this.output.freeze()
    reset(this.socket)
  }

  /** A bug terminates only its own connection. */
  crash(error: unknown): void {
    this.error = error instanceof Error ? error : new Error(String(error))
    this.unexpected = true
    this.terminate('error')
  }

  stalled(reason: CloseReason): void {
    this.reason ??= reason
    if (this.socket.readableEnded) this.terminate(reason)
  }

  drained(): void {
    this.#budget.count(this, 0)
    if (this.#paused) this.#resume()
    if (this.#producerBlocked) this.#produce()
  }

  received(chunk: Buffer): void {
    countRead(chunk.length)
    this.#receive(chunk)
  }

  halfClosed(): void {
    // Part of the last read may still be pending, until the peer has read earlier replies.
    if (this.codec.pending === undefined) this.end('client_closed')
  }

  failed(error: NodeJS.ErrnoException): void {
    this.output.freeze(error)
    this.error ??= error
    const isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE'
    this.reason ??= isReset ? 'reset' : error.code?.startsWith('ERR_SSL_') ? 'tls_error' : 'error'
  }

  /** The part of a read that was not answered yet keeps all of it. */
  countHeld(): void {
    const { heldBytes } = this.output
    const pendingBytes = this.codec.pending?.buffer.byteLength ?? 0
    this.#budget.count(this, this.socket.destroyed ? 0 : heldBytes + pendingBytes + this.socket.readableLength)
  }

  /** Counts it for the sweep: many connections that hold too little to be counted at once may exceed the limit together. */
  recount(): void {
    this.countHeld()
    this.#budget.enforce()
  }

  closed(): void {
    this.#budget.count(this, 0)
  }

  #receive(chunk: Buffer): void {
    const { output, codec } = this
    if (output.ended) {
      this.unansweredBytes += chunk.length
      return
    }
    let next: Buffer | undefined = chunk
    do {
      this.#answer(next)
      next = codec.pending
    } while (next !== undefined && !this.#paused && !output.ended && !this.socket.destroyed)
    if (next !== undefined || output.ended || this.socket.destroyed) return
    if (this.socket.readableEnded) this.end('client_closed')
    else if (codec.finished) this.end(this.draining ?? 'client_closed')
    else if (this.draining !== undefined && codec.goAway === undefined && !this.#paused) this.#endIfQuiet(this.draining)
  }

  #answer(chunk: Buffer): void {
    const { output, codec } = this
    try {
      const reply = codec.receive(chunk)
      const more = chunk.length === READ_BYTES && codec.midMessage
      if (output.write(reply, more)) codec.sent?.(reply)
      else if (output.corked) setImmediate(() => this.#flush())
      else this.#checkHeld()
    } catch (error) {
      if (error instanceof ProtocolError) this.#violated(error)
      else this.crash(error)
    }
  }

  #flush(): void {
    if (!this.output.flush()) this.#checkHeld()
  }

  #checkHeld(): void {
    if (this.output.heldBytes > this.#countAbove) this.#hold()
  }

  #violated(error: ProtocolError): void {
    this.error = error
    this.output.write(error.reply)
    this.end('protocol_error')
  }

  /** The peer has not read a reply yet. */
  #hold(): void {
    this.countHeld()
    const { bufferedBytes, heldBytes } = this.output
    const tooMuch = bufferedBytes > this.#maxBuffered || heldBytes > 2 * this.#maxBuffered
    if (tooMuch || this.#budget.isOverShare(this)) this.#pause()
    this.#budget.enforce()
  }

  /** Stops reading until the peer has read its replies. This bounds memory to the limit plus the reply to one read. */
  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.readPauses++
    this.socket.pause()
    // Node may read once more before it stops.
    this.#budget.count(this, this.heldBytes + this.socket.readableHighWaterMark)
    this.output.notifyDrained()
  }

  #resume(): void {
    this.#paused = false
    this.socket.resume()
    const { pending } = this.codec
    if (pending !== undefined) this.#receive(pending)
  }

  /** Sends endlessly: one block per turn of the event loop, but never before the kernel has accepted the previous one. */
  #produce(): void {
    this.#producerBlocked = false
    if (this.output.ended || this.socket.destroyed) return
    try {
      this.output.write(this.codec.produce?.())
    } catch (error) {
      this.crash(error)
      return
    }
    if (this.output.bufferedBytes === 0) setImmediate(() => this.#produce())
    else {
      this.#producerBlocked = true
      this.#hold()
      this.output.notifyDrained()
    }
  }

  /**
   * Ends the connection between two messages, unless the next one is there already. The event loop looks for it between the two immediates:
   * a process that had to wait for a core would otherwise close before it reads what has arrived meanwhile.
   */
  #endIfQuiet(reason: CloseReason): void {
    const { bytesRead } = this.socket
    const end = () => {
      if (this.socket.bytesRead === bytesRead && !this.codec.midMessage) this.end(reason)
    }
    setImmediate(() => setImmediate(end))
  }
}
