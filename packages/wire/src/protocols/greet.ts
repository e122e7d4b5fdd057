import { constantReplyMatcher } from '../constant-reply-matcher.ts'
import { memoize } from '../memoize.ts'
import type { Bytes, ClientOptions, Protocol, ServerCodec, ServerOptions } from '../protocol.ts'
import { replyMemory } from '../reply-memory.ts'
import { varyingReplyMatcher } from '../varying-reply-matcher.ts'

const LF = 0x0a

/** Up to this size, copying is cheaper than writing two pieces. */
const COPIED_BYTES = 4_096

/** Maximum input answered by one reply, in bytes: if every line is empty, the reply is ten times as long. */
const SLICE_BYTES = 8_192

/** Maximum bytes of greetings in one reply, unless a single greeting is longer. */
const GREETINGS_BYTES = 81_920

/** A greeting in the forms in which replies need it, shared by all connections of a listener. */
interface Greeting {
  readonly bytes: Buffer
  readonly text: string
  readonly lineEndAndText: string
  /** The most lines in one reply. */
  readonly maxLines: number
}

const greetings = memoize(({ greeting }: ServerOptions): Greeting => {
  const bytes = Buffer.from(greeting)
  const text = bytes.toString('latin1')
  return { bytes, text, lineEndAndText: `\n${text}`, maxLines: Math.max(1, Math.floor(GREETINGS_BYTES / bytes.length)) }
})

/**
 * Writes the greeting before each line and returns all other bytes as they arrive. Its only state is whether a line has begun, so memory
 * does not grow with the line. LF is never part of a longer UTF-8 character, so a greeting never splits a character.
 */
class GreetServer implements ServerCodec {
  messages = 0
  midMessage = false
  pending: Buffer | undefined
  readonly #greeting: Greeting

  constructor(greeting: Greeting) {
    this.#greeting = greeting
  }

  receive(chunk: Buffer): Bytes {
    const last = chunk.length - 1
    const firstLineEnd = chunk.indexOf(LF)
    if (firstLineEnd === -1 || firstLineEnd === last) return this.#greetOne(chunk, firstLineEnd === last)
    const end = this.#sliceEnd(chunk)
    this.pending = end < chunk.length ? chunk.subarray(end) : undefined
    return this.#greetMany(end < chunk.length ? chunk.subarray(0, end) : chunk)
  }

  sent(reply: Bytes | undefined): void {
    replyMemory.giveBack(reply)
  }

  /** Limits the greetings in the reply, not only the input: 8 KiB of line ends with a greeting of 100 KB would produce 800 MB. */
  #sliceEnd(chunk: Buffer): number {
    const end = Math.min(chunk.length, SLICE_BYTES)
    const { maxLines } = this.#greeting
    if (end <= maxLines) return end
    let lineEnd = -1
    for (let lines = 0; lines < maxLines; lines++) {
      lineEnd = chunk.indexOf(LF, lineEnd + 1)
      if (lineEnd === -1 || lineEnd >= end) return end
    }
    return lineEnd + 1
  }

  #greetOne(chunk: Buffer, endsLine: boolean): Bytes {
    this.pending = undefined
    const continues = this.midMessage
    this.midMessage = !endsLine
    if (continues) return chunk
    this.messages++
    const { bytes } = this.#greeting
    const length = bytes.length + chunk.length
    if (length > COPIED_BYTES) return [bytes, chunk]
    const reply = replyMemory.take(length)
    reply.set(bytes, 0)
    reply.set(chunk, bytes.length)
    return reply
  }

  #greetMany(chunk: Buffer): string {
    const { bytes, text, lineEndAndText } = this.#greeting
    // The last byte is excluded: a line end there does not start the next line yet.
    const last = chunk.length - 1
    const lines = chunk.toString('latin1', 0, last)
    const greeted = lines.replaceAll('\n', lineEndAndText)
    const addedBytes = greeted.length - lines.length
    const lineEnds = addedBytes > 0 ? addedBytes / bytes.length : lines.split('\n').length - 1
    this.messages += lineEnds + (this.midMessage ? 0 : 1)
    const reply = (this.midMessage ? '' : text) + greeted
    this.midMessage = chunk[last] !== LF
    return reply + (this.midMessage ? chunk.toString('latin1', last) : '\n')
  }
}

const clientCodecs = memoize(({ message, greeting, nextRequest }: ClientOptions) => {
  if (nextRequest === undefined) {
    const lines = message.split('\n').map(line => `${line}\n`)
    return constantReplyMatcher(Buffer.from(lines.join('')), Buffer.from(lines.map(line => greeting + line).join('')))
  }
  const prefix = Buffer.from(greeting)
  return () => varyingReplyMatcher(nextRequest, line => Buffer.concat([prefix, line]))
})

/** Greets every line: the reply to `张三` is `你好，张三`. */
export const greet: Protocol = {
  defaultPort: 1234,
  text: true,
  serverCodec: options => new GreetServer(greetings(options)),
  clientCodec: options => clientCodecs(options)(),
}
