import type { Bytes } from './protocol.ts'

/** The size of Node's own pool: a reply to a slow reader keeps no more than this alive. */
const BLOCK_BYTES = 8_192

/** Longer replies are allocated by themselves. */
const MAX_BYTES = BLOCK_BYTES / 2

const NO_BYTES = Buffer.alloc(0)

/**
 * Memory for short replies of all connections. Most replies are with the kernel when `write` returns: given back, their bytes serve the
 * next reply, without any allocation if it has the same length.
 */
export class ReplyMemory {
  #block: Buffer = NO_BYTES
  /** The last reply begins here. */
  #start = 0
  #last: Buffer = NO_BYTES
  #lastIsFree = false

  /** The bytes belong to the reply until they are given back, or until the reply is collected as garbage. */
  take(length: number): Buffer {
    if (length > MAX_BYTES) return Buffer.allocUnsafeSlow(length)
    if (this.#lastIsFree && length === this.#last.length) {
      this.#lastIsFree = false
      return this.#last
    }
    if (!this.#lastIsFree) this.#start += this.#last.length
    if (this.#start + length > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
      this.#start = 0
    }
    this.#last = this.#block.subarray(this.#start, this.#start + length)
    this.#lastIsFree = false
    return this.#last
  }

  /** Reuses the bytes of a reply, if it was the last one: nothing may read them any more. */
  giveBack(reply: Bytes | undefined): void {
    if (reply === this.#last) this.#lastIsFree = true
  }
}

/** Shared by all connections of the process. */
export const replyMemory = new ReplyMemory()
