import type { Socket } from 'node:net'
import type { Bytes, ServerCodec } from '@nihao/wire'
import { Output } from '../connection/output.ts'
import type { ConnectionFaults, EndKind } from './faults.ts'

/** A throttled connection sends the bytes for this much time in one write. */
const SLICE_MS = 50

/** One delayed write. */
interface Delayed {
  bytes: Buffer
  readonly dueMs: number
  /** Messages answered once these bytes are sent. */
  readonly messages: number
}

/** An output that injects faults. Delayed bytes keep their order and count as buffered, as those for a slow reader do. */
export class FaultyOutput extends Output {
  readonly #faults: ConnectionFaults
  readonly #codec: Pick<ServerCodec, 'messages'>
  readonly #delayed: Delayed[] = []
  readonly #sliceBytes: number
  #delayedBytes = 0
  #messages = 0
  #lastDueMs = 0
  #nextSliceMs = 0
  #slicedBytes = 0
  #endKind: EndKind | undefined
  #endInjected = false
  #ending = false
  #timer: NodeJS.Timeout | undefined

  /** @param codec counts the received messages */
  constructor(socket: Socket, faults: ConnectionFaults, codec: Pick<ServerCodec, 'messages'>) {
    super(socket)
    this.#faults = faults
    this.#codec = codec
    this.#sliceBytes = Math.max(1, (faults.bytesPerSecond / 1_000) * SLICE_MS)
    socket.once('close', () => clearTimeout(this.#timer))
  }

  override get bufferedBytes(): number {
    return super.bufferedBytes + this.#delayedBytes
  }

  override get ended(): boolean {
    return this.#ending
  }

  /** Takes the whole reply to one read. Even without a reply, the read may reach the number of messages for a fault. */
  override write(reply: Bytes | undefined): boolean {
    const { messages } = this.#codec
    const bytes = messages > this.#messages ? this.#faults.corrupted(toBuffer(reply)) : toBuffer(reply)
    this.#messages = messages
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + this.#faults.delayMs())
    this.#delayed.push({ bytes, dueMs: this.#lastDueMs, messages })
    this.#delayedBytes += bytes.length
    this.#send()
    return false
  }

  override end(): void {
    this.#ending = true
    if (this.#endKind === 'stall_after') this.owner?.terminate('fault')
    else if (this.#delayed.length === 0) super.end()
  }

  protected override drained(): void {
    this.#send()
  }

  /** Sends the due bytes, one slice at a time, as fast as the kernel accepts them. */
  #send(): void {
    clearTimeout(this.#timer)
    while (super.bufferedBytes === 0 && this.#endKind === undefined) {
      const next = this.#delayed[0]
      if (next === undefined) {
        if (this.#ending) super.end()
        else super.drained()
        return
      }
      const nowMs = performance.now()
      const waitMs = Math.max(next.dueMs, this.#nextSliceMs) - nowMs
      if (waitMs > 0) {
        if (this.#nextSliceMs > next.dueMs) this.#faults.count('throttle')
        this.#timer = setTimeout(() => this.#send(), waitMs)
        return
      }
      this.#sendSlice(next, nowMs)
    }
    if (super.bufferedBytes > 0) this.notifyDrained()
    else if (this.#endKind !== undefined) this.#injectEnd(this.#endKind)
  }

  #sendSlice(next: Delayed, nowMs: number): void {
    const slice = next.bytes.subarray(0, this.#sliceBytes)
    next.bytes = next.bytes.subarray(slice.length)
    const isLast = next.bytes.length === 0
    const { length, end } = this.#faults.sendable(this.#slicedBytes, slice.length, isLast ? next.messages : 0)
    this.#slicedBytes += length
    this.#delayedBytes -= length
    // Timers fire slightly late, so up to one slice is sent early to catch up.
    this.#nextSliceMs = Math.max(this.#nextSliceMs, nowMs - SLICE_MS) + (length / this.#faults.bytesPerSecond) * 1_000
    this.#endKind = end
    if (isLast) this.#delayed.shift()
    if (length > 0) super.write(slice.subarray(0, length))
  }

  #injectEnd(kind: EndKind): void {
    if (this.#endInjected) return
    this.#endInjected = true
    this.#faults.count(kind)
    if (kind === 'close_after') {
      // Bytes after the end are dropped.
      this.#delayed.length = 0
      this.#delayedBytes = 0
      this.owner?.end('fault')
    } else if (kind === 'reset_after') this.owner?.reset('fault')
    else this.owner?.stalled('fault')
  }
}

function toBuffer(bytes: Bytes | undefined): Buffer {
  if (bytes === undefined) return Buffer.alloc(0)
  if (typeof bytes === 'string') return Buffer.from(bytes, 'latin1')
  return Buffer.isBuffer(bytes) ? bytes : Buffer.concat(bytes)
}
