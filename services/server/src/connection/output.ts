import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Bytes } from '@nihao/wire'
import type { CloseReason } from '../reasons.ts'

/** Queued bytes are passed to the socket in writes of about this size, so that a slow reader's progress is visible. */
const WRITE_BYTES = 65_536

const NOTHING = Buffer.alloc(0)

/** About what a queued piece costs besides its bytes: a peer that sends bytes one by one must not get them for less. */
const PIECE_OVERHEAD_BYTES = 256

type Piece = Buffer | string

/** The connection that owns an output. */
export interface OutputOwner {
  /** Everything written has been sent. */
  drained(): void
  end(reason: CloseReason): void
  reset(reason: CloseReason): void
  terminate(reason: CloseReason): void
  /** Nothing more will be sent, but the connection stays open. */
  stalled(reason: CloseReason): void
}

/**
 * The sending side of a connection. It passes one write at a time to the socket and queues the rest, so that the number of unsent bytes is
 * known even if a write fails, which Node counts as written. Limits also work with TLS, whose sockets ignore highWaterMark.
 */
export class Output {
  #owner: OutputOwner | undefined
  readonly #socket: Socket
  /** Under TLS, no write completes synchronously. */
  readonly #encrypted: boolean
  #queue: Buffer[] | undefined
  #queuedBytes = 0
  #writtenBytes = 0
  #lastWriteBytes = 0
  /** A write callback is pending. */
  #awaited = false
  /** The queue waits for the next write. */
  #corked = false
  #ended = false
  #finalWaitingBytes: number | undefined
  #onWritten: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    this.#encrypted = socket instanceof TLSSocket
  }

  attach(owner: OutputOwner): void {
    this.#owner = owner
  }

  protected get owner(): OutputOwner | undefined {
    return this.#owner
  }

  /** Bytes that the kernel has accepted. */
  get sentBytes(): number {
    return this.#writtenBytes - this.waitingBytes
  }

  /** Bytes that the kernel has not accepted because the peer does not read. */
  get waitingBytes(): number {
    return this.#finalWaitingBytes ?? this.#queuedBytes + this.#socket.writableLength
  }

  /** All bytes written but not sent. */
  get bufferedBytes(): number {
    return this.waitingBytes
  }

  /** The memory that `bufferedBytes` takes. */
  get heldBytes(): number {
    const { bufferedBytes } = this
    return this.#queue === undefined ? bufferedBytes : bufferedBytes + this.#queue.length * PIECE_OVERHEAD_BYTES
  }

  /** True once `end` has been called. */
  get ended(): boolean {
    return this.#ended
  }

  /**
   * Sends bytes; undefined if a message needs no reply.
   * @param more the rest of the message follows: the bytes may wait for the next write, or else for `flush`
   * @returns true if all of them are with the kernel: nothing refers to their memory any more
   */
  write(bytes: Bytes | undefined, more = false): boolean {
    if (bytes === undefined) return true
    const socket = this.#socket
    if (this.#awaited || socket.writableLength > 0 || socket.errored) {
      this.#enqueue(bytes)
      this.notifyDrained()
      return false
    }
    if (this.#corked || more) {
      this.#enqueue(bytes)
      if (this.#corked) return this.flush()
      this.#corked = true
      return false
    }
    this.#lastWriteBytes = sizeOf(bytes)
    this.#writtenBytes += this.#lastWriteBytes
    return this.#send(bytes)
  }

  /** True if written bytes wait for the next write. */
  get corked(): boolean {
    return this.#corked
  }

  /** Sends bytes that wait for the next write. @returns true as `write` does */
  flush(): boolean {
    if (!this.#corked || this.#socket.destroyed) return true
    this.#corked = false
    const pieces = this.#queue ?? []
    this.#queue = undefined
    this.#lastWriteBytes = this.#queuedBytes
    this.#queuedBytes = 0
    return this.#send(pieces)
  }

  /** Half-closes the connection after the last byte written. */
  end(): void {
    this.flush()
    this.#ended = true
    if (this.#queuedBytes === 0) this.#socket.end()
  }

  /** Calls the owner's `drained` once everything written so far has been sent. */
  notifyDrained(): void {
    this.flush()
    if (this.#awaited || this.#socket.writableEnded) return
    this.#awaited = true
    this.#socket.write(NOTHING, this.#callback())
  }

  /** Freezes the counts, because a destroyed socket does not report the bytes it discarded. */
  freeze(error?: NodeJS.ErrnoException): void {
    // Node has already subtracted a failed write from `writableLength`; only one is in progress at a time.
    const failed = error?.syscall === 'write' ? this.#lastWriteBytes : this.#socket.writableLength
    this.#finalWaitingBytes ??= this.#queuedBytes + failed
  }

  protected drained(): void {
    this.#owner?.drained()
  }

  #enqueue(bytes: Bytes): void {
    const length = sizeOf(bytes)
    this.#writtenBytes += length
    this.#queuedBytes += length
    this.#queue ??= []
    // A string that waits would be moved to the old part of the heap, where it stays long after it was sent.
    if (typeof bytes === 'string') this.#queue.push(Buffer.from(bytes, 'latin1'))
    else if (isPiece(bytes)) this.#queue.push(bytes)
    else this.#queue.push(...bytes)
  }

  #send(bytes: Piece | readonly Piece[]): boolean {
    if (this.#encrypted) this.#writeWithCallback(bytes)
    else writeAll(this.#socket, bytes, undefined)
    return this.#socket.writableLength === 0
  }

  #callback(): () => void {
    this.#onWritten ??= () => this.#written()
    return this.#onWritten
  }

  #written(): void {
    // The callbacks of discarded writes report success.
    if (this.#socket.destroyed || this.#socket.errored) return
    this.#awaited = false
    if (this.#queuedBytes > 0) this.#writeQueued()
    else this.drained()
  }

  #writeQueued(): void {
    const queue = this.#queue ?? []
    let bytes = 0
    let count = 0
    for (const piece of queue) {
      if (bytes >= WRITE_BYTES) break
      bytes += piece.length
      count++
    }
    this.#queuedBytes -= bytes
    this.#lastWriteBytes = bytes
    this.#writeWithCallback(queue.splice(0, count))
    if (this.#queuedBytes > 0) return
    this.#queue = undefined
    if (this.#ended) this.#socket.end()
  }

  #writeWithCallback(bytes: Piece | readonly Piece[]): void {
    this.#awaited = true
    writeAll(this.#socket, bytes, this.#callback())
  }
}

/** Sends everything in one write; `written` is called when all of it has been sent. */
function writeAll(socket: Socket, bytes: Piece | readonly Piece[], written: (() => void) | undefined): void {
  if (isPiece(bytes)) {
    socket.write(bytes, 'latin1', written)
    return
  }
  socket.cork()
  const last = bytes.length - 1
  for (let index = 0; index < last; index++) socket.write(bytes[index] ?? NOTHING, 'latin1')
  socket.write(bytes[last] ?? NOTHING, 'latin1', written)
  socket.uncork()
}

function isPiece(bytes: Piece | readonly Piece[]): bytes is Piece {
  return typeof bytes === 'string' || Buffer.isBuffer(bytes)
}

function sizeOf(bytes: Bytes): number {
  if (isPiece(bytes)) return bytes.length
  let size = 0
  for (const piece of bytes) size += piece.length
  return size
}
