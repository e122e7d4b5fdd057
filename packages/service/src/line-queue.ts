import { printableJson } from './printable.ts'

/** Two buffers alternate: one is written while lines are added to the other. A burst of lines uses more. */
const BUFFER_BYTES = 64 * 1024

interface Chunk {
  readonly bytes: Buffer
  length: number
}

/** JSON lines waiting for an output, in order and as bytes: each line is encoded once and not kept as a string. */
export class LineQueue {
  readonly #maxBytes: number
  /** The chunk that new lines are added to. */
  #open = newChunk()
  /** Closed chunks in order; the first is the one being written. */
  readonly #closed: Chunk[] = []
  #closedBytes = 0
  #spare: Chunk | undefined
  /** Written bytes of the first closed chunk. */
  #offset = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True while a chunk is being written or is full. */
  get hasClosed(): boolean {
    return this.#closed.length > 0
  }

  /**
   * @param line ends in a line feed
   * @returns false if the queue is full
   */
  add(line: string): boolean {
    const chunk = this.#chunkFor(line)
    if (chunk === undefined) return false
    const size = chunk.bytes.write(line, chunk.length)
    if (size !== line.length) {
      // Only non-ASCII characters take more than one byte, and JSON has escaped the ASCII control characters.
      const safe = printableJson(line)
      if (safe !== line) return this.add(safe)
    }
    chunk.length += size
    return true
  }

  /** Returns the bytes to write next, the same until they are consumed; undefined if the queue is empty. */
  next(): Buffer | undefined {
    if (this.#closed.length === 0) this.#close()
    const [chunk] = this.#closed
    return chunk?.bytes.subarray(this.#offset, chunk.length)
  }

  /** Removes bytes that `next` returned. */
  consume(size: number): void {
    const [chunk] = this.#closed
    this.#offset += size
    if (chunk === undefined || this.#offset < chunk.length) return
    this.#closed.shift()
    this.#closedBytes -= chunk.length
    this.#offset = 0
    chunk.length = 0
    if (chunk.bytes.length === BUFFER_BYTES) this.#spare = chunk
  }

  #chunkFor(line: string): Chunk | undefined {
    // A UTF-16 code unit takes at most three bytes.
    const size = line.length * 3
    if (this.#open.length + size <= this.#open.bytes.length) return this.#open
    if (this.#closedBytes + this.#open.length + Math.max(BUFFER_BYTES, size) > this.#maxBytes) return undefined
    this.#close()
    if (size > this.#open.bytes.length) this.#open = newChunk(size)
    return this.#open
  }

  #close(): void {
    if (this.#open.length === 0) return
    this.#closed.push(this.#open)
    this.#closedBytes += this.#open.length
    this.#open = this.#spare ?? newChunk()
    this.#spare = undefined
  }
}

function newChunk(size = BUFFER_BYTES): Chunk {
  return { bytes: Buffer.allocUnsafeSlow(size), length: 0 }
}
