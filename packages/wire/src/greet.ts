import { fixedReply } from './fixed-reply.ts'
import type { Bytes, ClientOptions, Protocol, ServerCodec } from './protocol.ts'
import { shared } from './shared.ts'
import { varyingReply } from './varying-reply.ts'

const LF = 0x0a

/** Up to here, copying is cheaper than a write of two pieces. */
const COPY_BYTES = 4_096

/** Lines are greeted this many bytes at a time: where each is empty, the reply is ten times as long. */
const SLICE_BYTES = 8_192

/**
 * Puts a greeting in front of every line and sends the rest of the bytes back as they come. It keeps one bit of state, so memory
 * does not grow with the line; and as LF is never a part of a longer UTF-8 character, no greeting ever lands inside one.
 */
class Greeter implements ServerCodec {
  messages = 0
  midMessage = false
  rest: Buffer | undefined
  readonly #greeting: Buffer
  readonly #greetingText: string
  readonly #lineEndAndGreeting: string

  constructor(greeting: Buffer) {
    this.#greeting = greeting
    this.#greetingText = greeting.toString('latin1')
    this.#lineEndAndGreeting = `\n${this.#greetingText}`
  }

  receive(chunk: Buffer): Bytes {
    const last = chunk.length - 1
    const firstLineEnd = chunk.indexOf(LF)
    if (firstLineEnd === -1 || firstLineEnd === last) return this.#greetOne(chunk, firstLineEnd === last)
    this.rest = chunk.length > SLICE_BYTES ? chunk.subarray(SLICE_BYTES) : undefined
    return this.#greetMany(this.rest === undefined ? chunk : chunk.subarray(0, SLICE_BYTES))
  }

  #greetOne(chunk: Buffer, endsLine: boolean): Bytes {
    this.rest = undefined
    const continues = this.midMessage
    this.midMessage = !endsLine
    if (continues) return chunk
    this.messages++
    if (chunk.length > COPY_BYTES) return [this.#greeting, chunk]
    const reply = Buffer.allocUnsafe(this.#greeting.length + chunk.length)
    reply.set(this.#greeting, 0)
    reply.set(chunk, this.#greeting.length)
    return reply
  }

  #greetMany(chunk: Buffer): string {
    // The last byte stays out: a line end there begins no line yet.
    const last = chunk.length - 1
    const lines = chunk.toString('latin1', 0, last)
    const greeted = lines.replaceAll('\n', this.#lineEndAndGreeting)
    const length = this.#greeting.length
    const greetings = length === 0 ? lines.split('\n').length - 1 : (greeted.length - lines.length) / length
    this.messages += greetings + (this.midMessage ? 0 : 1)
    const reply = (this.midMessage ? '' : this.#greetingText) + greeted
    this.midMessage = chunk[last] !== LF
    return reply + (this.midMessage ? chunk.toString('latin1', last) : '\n')
  }
}

const clients = shared(({ message, greeting, nextRequest }: ClientOptions) => {
  if (nextRequest === undefined) return fixedReply(Buffer.from(`${message}\n`), Buffer.from(`${greeting}${message}\n`))
  const prefix = Buffer.from(greeting)
  return () => varyingReply(nextRequest, line => Buffer.concat([prefix, line]))
})

/** A greeting for every line: `张三` is answered by `你好，张三`. */
export const greet: Protocol = {
  defaultPort: 1234,
  text: true,
  serverCodec: ({ greeting }) => new Greeter(Buffer.from(greeting)),
  clientCodec: options => clients(options)(),
}
