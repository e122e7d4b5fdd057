import { replyMemory } from '../reply-memory.ts'
import { PONG_TRAILER_BYTES, TIMES_BYTES, writePongTrailer } from './frame.ts'

/** If frames are shorter than this on average, the reply is copied into one buffer; otherwise it consists of views of the chunk. */
const COPIED_BYTES = 8_192

const NO_BYTES = Buffer.alloc(0)

/**
 * Builds the reply to one read: ranges of the received chunk, with trailers and other frames in between, in as few buffers as
 * possible.
 */
export class ReplyBuilder {
  /** Size of the reply so far. */
  bytes = 0
  #chunk: Buffer = NO_BYTES
  /** The range of the chunk to forward next; it grows while ranges are contiguous. */
  #start = 0
  #end = 0
  /** Trailers and copied ranges; bytes from `#blockStart` on are not yet in `#pieces`. */
  #block: Buffer = NO_BYTES
  #blockStart = 0
  #blockEnd = 0
  #copies = false
  #pieces: Buffer[] = []

  /** @param frames at least the number of trailers that will be added */
  start(chunk: Buffer, frames: number): void {
    this.bytes = 0
    this.#chunk = chunk
    this.#start = 0
    this.#end = 0
    this.#blockStart = 0
    this.#blockEnd = 0
    this.#copies = frames > 0 && chunk.length < frames * COPIED_BYTES
    if (this.#copies) this.#block = replyMemory.take(chunk.length + frames * TIMES_BYTES)
    else if (frames > 0) this.#block = Buffer.allocUnsafe(frames * PONG_TRAILER_BYTES)
  }

  forward(start: number, end: number): void {
    if (start !== this.#end) {
      this.#addRange()
      this.#start = start
    }
    this.#end = end
    this.bytes += end - start
  }

  /** Adds a PONG's trailer, with the parameters of `writePongTrailer`. */
  addTrailer(payloadCrc: number, receivedUs: number, sentUs: number, stalledUs: number): void {
    this.#addRange()
    writePongTrailer(this.#block, this.#blockEnd, payloadCrc, receivedUs, sentUs, stalledUs)
    this.#blockEnd += PONG_TRAILER_BYTES
    this.bytes += PONG_TRAILER_BYTES
  }

  addFrame(frame: Buffer): void {
    this.#addRange()
    this.#endPiece()
    this.#pieces.push(frame)
    this.bytes += frame.length
  }

  /** Returns the reply and forgets the chunk. */
  take(): Buffer | readonly Buffer[] | undefined {
    this.#addRange()
    this.#endPiece()
    this.#chunk = NO_BYTES
    this.#block = NO_BYTES
    if (this.#pieces.length < 2) return this.#pieces.pop()
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }

  #addRange(): void {
    const start = this.#start
    const end = this.#end
    this.#start = end
    if (start === end) return
    if (this.#copies) {
      this.#blockEnd += this.#chunk.copy(this.#block, this.#blockEnd, start, end)
    } else {
      this.#endPiece()
      this.#pieces.push(part(this.#chunk, start, end))
    }
  }

  /** Completes the piece that is being written into the block. */
  #endPiece(): void {
    if (this.#blockStart === this.#blockEnd) return
    this.#pieces.push(part(this.#block, this.#blockStart, this.#blockEnd))
    this.#blockStart = this.#blockEnd
  }
}

/** Creates a view only if it differs from the whole buffer. */
function part(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
}
