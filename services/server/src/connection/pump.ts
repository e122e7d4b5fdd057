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

export interface PumpParts {
  /** Must allow half-open connections, or replies not yet written are lost when the peer half-closes. */
  readonly socket: Socket
  readonly output: Output
  readonly codec: ServerCodec
  /** Sent before anything is received. */
  readonly opening: Bytes | undefined
}

/**
 * Pumps one accepted stream from its first byte to its last: read → codec → write, with backpressure. It knows nothing of time, logs or
 * metrics: others end it.
 */
export abstract class Pump implements SocketHandler, OutputOwner, Holder {
  heldBytes = 0
  /** Why the connection is ending, if it is. */
  reason: CloseReason | undefined
  /** Why the connection is to end as soon as no message is under way on it, if it is. */
  draining: DrainReason | undefined
  /** Times reading stopped because the peer did not read its replies. */
  readPauses = 0
  protected readonly socket: Socket
  protected readonly output: Output
  protected readonly codec: ServerCodec
  /** Bytes received after the server had ended its side. */
  protected unansweredBytes = 0
  protected error: Error | undefined
  /** The error is a bug. */
  protected unexpected = false
  readonly #maxBuffered: number
  readonly #countAbove: number
  readonly #budget: BufferBudget
  #paused = false
  #producerBlocked = false

  /** @param maxBuffered bytes written but not sent above which reading pauses */
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
   * Lets the connection end gracefully: asks the peer to close where the protocol has a message for that, and otherwise ends behind the next
   * reply. `graceMs` is what the peer is told.
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

  /** Ends the server's side behind the last reply; the peer's FIN then closes the connection. */
  end(reason: CloseReason): void {
    this.reason ??= reason
    this.output.end()
    this.socket.resume()
  }

  /** Closes the connection at once. Replies that the peer has not read are lost. */
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

  /** A bug ends this connection only. */
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
    // A part of the last read may still be pending, behind replies that the peer has not yet read.
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
    const { output } = this
    try {
      output.write(this.codec.receive(chunk))
      if (output.heldBytes > this.#countAbove) this.#hold()
    } catch (error) {
      if (error instanceof ProtocolError) this.#violated(error)
      else this.crash(error)
    }
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

  /** Stops reading until the peer has read its replies: memory is bounded by the limit and the reply to one read. */
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

  /** Sends without end: a block for each turn of the event loop while the kernel takes it, and otherwise when it has. */
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

  /** Ends the connection between two messages, unless more arrives within one turn of the event loop. */
  #endIfQuiet(reason: CloseReason): void {
    const { bytesRead } = this.socket
    setImmediate(() => {
      if (this.socket.bytesRead === bytesRead && !this.codec.midMessage) this.end(reason)
    })
  }
}
