import { WrongReply } from '../errors.ts'
import type { ClientCodec, Protocol, ServerCodec } from '../protocol.ts'

/** RFC 864: each line has 72 of the 95 printable ASCII characters, starting one character later than the previous line, then CR LF. */
const FIRST = 0x20
const CHARACTERS = 95
const LINE_CHARACTERS = 72
const LINE_BYTES = LINE_CHARACTERS + 2

/** The pattern repeats after 95 lines. */
const PATTERN = Buffer.concat(Array.from({ length: CHARACTERS }, (_, index) => line(index)))

function line(index: number): Buffer {
  const characters = Array.from({ length: LINE_CHARACTERS }, (_, column) => FIRST + ((index + column) % CHARACTERS))
  return Buffer.from([...characters, 0x0d, 0x0a])
}

class ChargenServer implements ServerCodec {
  messages = 0
  readonly midMessage = false

  receive(): undefined {
    this.messages++
  }

  produce(): Buffer {
    return PATTERN
  }
}

/** An exchange is one line of the pattern. */
class ChargenClient implements ClientCodec {
  readonly oneWay = false
  readonly pulls = true
  readonly opening = false
  readonly replyText = undefined
  #position = 0
  #bytesOwed = 0

  request(): Buffer {
    this.#bytesOwed += LINE_BYTES
    return Buffer.alloc(0)
  }

  receive(chunk: Buffer): number {
    for (let start = 0; start < chunk.length; ) {
      const length = Math.min(PATTERN.length - this.#position, chunk.length - start)
      if (chunk.compare(PATTERN, this.#position, this.#position + length, start, start + length) !== 0) {
        throw new WrongReply(PATTERN.subarray(this.#position), chunk.subarray(start))
      }
      start += length
      this.#position = (this.#position + length) % PATTERN.length
    }
    // Bytes beyond the requested lines were in flight when reading paused; they do not count towards later exchanges.
    const linesOwed = () => Math.ceil(this.#bytesOwed / LINE_BYTES)
    const before = linesOwed()
    this.#bytesOwed = Math.max(0, this.#bytesOwed - chunk.length)
    return before - linesOwed()
  }
}

/** RFC 864: the server sends characters endlessly, as fast as the peer reads, and discards received bytes. */
export const chargen: Protocol = {
  defaultPort: 7019,
  text: true,
  serverCodec: () => new ChargenServer(),
  clientCodec: () => new ChargenClient(),
}
