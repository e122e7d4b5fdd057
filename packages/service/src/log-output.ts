import { write } from 'node:fs'
import { printableJson } from './printable.ts'

/** Two buffers take turns: one is written while lines are added to the other. A burst of lines takes more. */
const BUFFER_BYTES = 64 * 1024
/** The most that waits for an output that does not accept it; further lines are dropped. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** Lines that follow one another within this time are written together: one write each would cost more than making them. */
const BATCH_MS = 50
const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 500

interface Chunk {
  readonly bytes: Buffer
  length: number
}

/**
 * Writes lines to a file descriptor, in order and without blocking the event loop. What can't be written (full disk, full pipe, no
 * reader) is kept for a while and retried, then dropped and counted.
 */
export class LogOutput {
  /** Lines dropped so far. */
  droppedLines = 0
  readonly #fd: number
  readonly #recovered: (droppedLines: number) => void
  #reportedLines = 0
  /** Takes lines. */
  #open = newChunk()
  /** Full chunks in order; the first is the one being written. */
  readonly #waiting: Chunk[] = []
  #waitingBytes = 0
  #spare: Chunk | undefined
  /** Bytes of the first waiting chunk that are written. */
  #offset = 0
  #writing = false
  #retryMs = FIRST_RETRY_MS
  #retry: NodeJS.Timeout | undefined
  #batch: NodeJS.Timeout | undefined
  /** Set while the output is ending. */
  #finish: (() => void) | undefined
  #finished = false

  /**
   * @param fd a pipe or terminal must be non-blocking: a blocked write would hold the process at its end
   * @param recovered called with the number of dropped lines when the output has accepted everything that waited
   */
  constructor(fd: number, recovered: (droppedLines: number) => void) {
    this.#fd = fd
    this.#recovered = recovered
  }

  /** @param line ends in a line feed */
  write(line: string): void {
    const chunk = this.#chunkFor(line)
    if (chunk === undefined) {
      this.droppedLines++
      return
    }
    const size = chunk.bytes.write(line, chunk.length)
    if (size !== line.length) {
      // Only characters beyond ASCII take more than a byte, and JSON has escaped the unprintable ones of ASCII.
      const safe = printableJson(line)
      if (safe !== line) {
        this.write(safe)
        return
      }
    }
    chunk.length += size
    if (this.#batch !== undefined) return
    this.#batch = setTimeout(this.#endBatch, BATCH_MS)
    this.#writeNext()
  }

  /**
   * Resolves when all lines are written, or after the deadline, or when a write fails for another reason than a full pipe. Nothing
   * is written after that.
   */
  end(deadlineMs: number): Promise<void> {
    return new Promise(resolve => {
      this.#finish = () => {
        this.#finished = true
        clearTimeout(deadline)
        this.#clearTimers()
        resolve()
      }
      const deadline = setTimeout(this.#finish, deadlineMs)
      this.#clearTimers()
      this.#writeNext()
    })
  }

  #clearTimers(): void {
    clearTimeout(this.#batch)
    clearTimeout(this.#retry)
    this.#batch = undefined
    this.#retry = undefined
  }

  /** The chunk that has room for a line; undefined when too much is waiting. */
  #chunkFor(line: string): Chunk | undefined {
    // A UTF-16 code unit takes three bytes at most.
    const maxBytes = line.length * 3
    if (this.#open.length + maxBytes <= this.#open.bytes.length) return this.#open
    if (this.#waitingBytes + this.#open.length + Math.max(BUFFER_BYTES, maxBytes) > MAX_WAITING_BYTES) return undefined
    this.#queueOpen()
    if (maxBytes > this.#open.bytes.length) this.#open = newChunk(maxBytes)
    this.#writeNext()
    return this.#open
  }

  #queueOpen(): void {
    if (this.#open.length === 0) return
    this.#waiting.push(this.#open)
    this.#waitingBytes += this.#open.length
    this.#open = this.#spare ?? newChunk()
    this.#spare = undefined
  }

  readonly #endBatch = () => {
    this.#batch = undefined
    this.#writeNext()
  }

  readonly #endRetry = () => {
    this.#retry = undefined
    this.#writeNext()
  }

  #writeNext(): void {
    if (this.#writing || this.#finished || this.#retry !== undefined) return
    if (this.#waiting.length === 0) this.#queueOpen()
    const [chunk] = this.#waiting
    if (chunk === undefined) {
      this.#finish?.()
      return
    }
    this.#writing = true
    write(this.#fd, chunk.bytes, this.#offset, chunk.length - this.#offset, null, this.#written)
  }

  readonly #written = (error: NodeJS.ErrnoException | null, size: number) => {
    this.#writing = false
    if (error !== null || size === 0) {
      this.#failed(error)
      return
    }
    this.#retryMs = FIRST_RETRY_MS
    this.#offset += size
    if (this.#offset === this.#waiting[0]?.length) this.#recycle()
    if (this.#waiting.length === 0) this.#reportDropped()
    // Lines of a batch wait for its end.
    if (this.#waiting.length > 0 || this.#batch === undefined) this.#writeNext()
  }

  #recycle(): void {
    const chunk = this.#waiting.shift() as Chunk
    this.#waitingBytes -= chunk.length
    this.#offset = 0
    chunk.length = 0
    if (chunk.bytes.length === BUFFER_BYTES) this.#spare = chunk
  }

  #reportDropped(): void {
    const lines = this.droppedLines - this.#reportedLines
    if (lines === 0) return
    this.#reportedLines = this.droppedLines
    this.#recovered(lines)
  }

  #failed(error: NodeJS.ErrnoException | null): void {
    if (this.#finish !== undefined && error?.code !== 'EAGAIN') {
      this.#finish()
      return
    }
    this.#retry = setTimeout(this.#endRetry, this.#retryMs)
    this.#retry.unref()
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }
}

function newChunk(size = BUFFER_BYTES): Chunk {
  return { bytes: Buffer.allocUnsafeSlow(size), length: 0 }
}
