import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { ConnectionFaults, CutKind } from './faults.ts'

/** What goes out at once under a throttle is worth this time. */
const SLICE_MS = 50

interface Plan {
  readonly dueMs: number
  /** Messages that are answered when these bytes are sent. */
  readonly messages: number
}

export interface FaultyOutputEvents {
  /** Messages that the connection has received so far. */
  messages(): number
  /** The connection must end now, in this way; nothing more is sent. */
  cut(kind: CutKind): void
}

/**
 * Stands before a socket's writing side and does to it what the faults say. Bytes keep their order, and they are in `writableLength`
 * until the kernel has taken them: a delay buffers no more than a slow reader does.
 */
export class FaultyOutput extends Writable {
  readonly #socket: Socket
  readonly #faults: ConnectionFaults
  readonly #events: FaultyOutputEvents
  /** One for each write that is not yet done. */
  readonly #plans: Plan[] = []
  readonly #sliceBytes: number
  #messages = 0
  #lastDueMs = 0
  #lineFreeMs = 0
  #sentBytes = 0
  #cut: CutKind | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, faults: ConnectionFaults, events: FaultyOutputEvents) {
    super({ highWaterMark: socket.writableHighWaterMark })
    this.#socket = socket
    this.#faults = faults
    this.#events = events
    this.#sliceBytes = Math.max(1, (faults.bytesPerSecond / 1_000) * SLICE_MS)
    this.on('error', () => {}) // the socket has its own, and tells of it
    socket.once('close', () => this.destroy())
  }

  /** Takes one whole reply. An empty one says that messages were received that need none. */
  override write(reply: Buffer | string): boolean {
    const bytes = Buffer.isBuffer(reply) ? reply : Buffer.from(reply, 'latin1')
    const messages = this.#events.messages()
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + this.#faults.delayMs())
    this.#plans.push({ dueMs: this.#lastDueMs, messages })
    const answers = messages > this.#messages
    this.#messages = messages
    return super.write(answers ? this.#faults.corrupted(bytes) : bytes)
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { dueMs, messages } = this.#plans.shift() ?? { dueMs: 0, messages: 0 }
    this.#at(dueMs, () => this.#send(bytes, messages, done))
  }

  override _final(done: () => void): void {
    if (this.#cut !== 'reset_after') this.#socket.end()
    done()
  }

  override _destroy(_error: Error | null, done: () => void): void {
    clearTimeout(this.#timer)
    done()
  }

  #at(timeMs: number, act: () => void): void {
    const waitMs = timeMs - performance.now()
    if (waitMs <= 0) act()
    else this.#timer = setTimeout(act, waitMs)
  }

  /** Sends what the throttle lets through at once, and the rest after it. */
  #send(bytes: Buffer, messages: number, done: () => void): void {
    if (this.#cut !== undefined) {
      // What waits behind the end is lost. Behind a stall it waits for ever: who sends without end must not be kept busy.
      if (this.#cut === 'close_after') done()
      return
    }
    if (this.#lineFreeMs > performance.now()) {
      this.#faults.count('throttle')
      this.#at(this.#lineFreeMs, () => this.#send(bytes, messages, done))
      return
    }
    const slice = bytes.subarray(0, this.#sliceBytes)
    const rest = bytes.subarray(slice.length)
    const { length, end } = this.#faults.cut(this.#sentBytes, slice.length, rest.length > 0 ? 0 : messages)
    this.#sentBytes += length
    // A timer is late by a little: what it lost is made up for, up to one slice.
    this.#lineFreeMs = Math.max(this.#lineFreeMs, performance.now() - SLICE_MS) + (length / this.#faults.bytesPerSecond) * 1_000
    this.#cut = end
    this.#socket.write(slice.subarray(0, length), () => {
      if (end === undefined && rest.length > 0) this.#send(rest, messages, done)
      else done()
      if (end !== undefined) this.#makeCut(end)
    })
  }

  #makeCut(end: CutKind): void {
    this.#faults.count(end)
    this.#events.cut(end)
  }
}
