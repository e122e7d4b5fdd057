import { write } from 'node:fs'
import { LineQueue } from './line-queue.ts'

/** Maximum bytes queued for an output that does not accept them; further lines are dropped. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** Lines logged within this time are written together: a write per line would cost more than formatting it. */
const BATCH_MS = 50
const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 500

/**
 * Writes lines to a file descriptor, in order and without blocking the event loop. Lines that can't be written (full disk, full
 * pipe, no reader) are kept up to a limit and retried; further lines are dropped and counted.
 */
export class LogOutput {
  /** Lines dropped so far. */
  droppedLines = 0
  readonly #fd: number
  readonly #recovered: (droppedLines: number) => void
  #reportedLines = 0
  readonly #queue = new LineQueue(MAX_WAITING_BYTES)
  #writing = false
  #batch: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMs = FIRST_RETRY_MS
  /** Defined while the output is closing. */
  #finish: (() => void) | undefined
  #finished = false

  /**
   * @param fd a pipe or terminal must be non-blocking: a blocked write would keep the process from exiting
   * @param recovered called with the number of dropped lines once the output has accepted all queued lines
   */
  constructor(fd: number, recovered: (droppedLines: number) => void) {
    this.#fd = fd
    this.#recovered = recovered
  }

  /** @param line ends in a line feed */
  write(line: string): void {
    if (!this.#queue.add(line)) {
      this.droppedLines++
      return
    }
    const alone = this.#batch === undefined
    if (alone) this.#batch = setTimeout(this.#endBatch, BATCH_MS)
    if (alone || this.#queue.hasClosed) this.#writeNext()
  }

  /**
   * Resolves when all lines are written, at the deadline, or when a write fails for a reason other than a full pipe. Nothing is
   * written after that.
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
    const bytes = this.#queue.next()
    if (bytes === undefined) {
      this.#finish?.()
      return
    }
    this.#writing = true
    write(this.#fd, bytes, this.#written)
  }

  readonly #written = (error: NodeJS.ErrnoException | null, size: number) => {
    this.#writing = false
    if (error !== null || size === 0) {
      this.#failed(error)
      return
    }
    this.#retryMs = FIRST_RETRY_MS
    this.#queue.consume(size)
    if (!this.#queue.hasClosed) this.#reportDropped()
    // Batched lines are written when the batch ends.
    if (this.#queue.hasClosed || this.#batch === undefined) this.#writeNext()
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
