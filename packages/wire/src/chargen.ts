import { type ClientCodec, type Protocol, type ServerCodec, WrongReply } from './protocol.ts'

/** The 95 printable characters of ASCII, of which each line shows 72, beginning one further than the line before; CR LF. */
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

class Generator implements ServerCodec {
  messages = 0
  readonly midMessage = false

  receive(): undefined {
    this.messages++
  }

  produce(): Buffer {
    return PATTERN
  }
}

/** Each exchange is one line of the pattern. */
class Reader implements ClientCodec {
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
    // What comes beyond the lines that were asked for was on its way when reading stopped: it counts for no later request.
    const linesOwed = () => Math.ceil(this.#bytesOwed / LINE_BYTES)
    const before = linesOwed()
    this.#bytesOwed = Math.max(0, this.#bytesOwed - chunk.length)
    return before - linesOwed()
  }
}

/** RFC 864: characters without end, as fast as the peer takes them; what the peer sends is thrown away. */
export const chargen: Protocol = {
  defaultPort: 7019,
  text: true,
  serverCodec: () => new Generator(),
  clientCodec: () => new Reader(),
}
