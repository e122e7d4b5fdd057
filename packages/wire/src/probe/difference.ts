import { crc32 } from '../crc.ts'
import { EXCERPT_BYTES, WrongReply } from '../errors.ts'

/** Number of equal bytes that an excerpt shows before the first difference. */
const CONTEXT_BYTES = 16

/** The first difference between a received payload and the expected one, recorded while the rest of the payload arrives. */
export class Difference {
  /** The crc32 of the payload received so far. */
  crc: number
  readonly #expected: Buffer
  readonly #offset: number
  readonly #excerptStart: number
  readonly #excerpt = Buffer.alloc(EXCERPT_BYTES)
  #excerptBytes: number
  #position: number

  /** @param position of the chunk in the payload; all earlier bytes are equal, and the difference is at `start` or later in the chunk */
  constructor(expected: Buffer, position: number, chunk: Buffer, start: number) {
    let equal = 0
    while (chunk[start + equal] === expected[position + equal]) equal++
    this.crc = crc32(expected, 0, position)
    this.#expected = expected
    this.#position = position
    this.#offset = position + equal
    this.#excerptStart = Math.max(0, this.#offset - CONTEXT_BYTES)
    this.#excerptBytes = expected.copy(this.#excerpt, 0, this.#excerptStart, Math.max(this.#excerptStart, position))
  }

  add(chunk: Buffer, start: number, end: number): void {
    this.crc = crc32(chunk, start, end, this.crc)
    if (this.#excerptBytes < EXCERPT_BYTES) {
      const excerptStart = start + this.#excerptStart + this.#excerptBytes - this.#position
      if (excerptStart < end) this.#excerptBytes += chunk.copy(this.#excerpt, this.#excerptBytes, excerptStart, end)
    }
    this.#position += end - start
  }

  /** @param intact whether the reply's checksum is valid, which means that the server received these bytes */
  toError(intact: boolean, completed: number): WrongReply {
    const expected = this.#expected.subarray(this.#excerptStart, this.#excerptStart + this.#excerptBytes)
    const received = this.#excerpt.subarray(0, this.#excerptBytes)
    const context = `corrupted on the way ${intact ? 'to' : 'from'} the server: at byte ${this.#offset} of ${this.#expected.length}: `
    return new WrongReply(expected, received, context, completed, intact ? 'to_server' : 'from_server')
  }
}
