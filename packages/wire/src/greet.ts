import { fixedReply } from './fixed-reply.ts'
import type { AskOptions, Bytes, Protocol, ServerHalf } from './protocol.ts'
import { shared } from './shared.ts'
import { varyingReply } from './varying-reply.ts'

const LF = 0x0a

/**
 * Puts a greeting in front of every line and sends the rest of the bytes back as they come. It keeps one bit of state, so memory
 * does not grow with the line; and as LF is never a part of a longer UTF-8 character, no greeting ever lands inside one.
 */
class Greeter implements ServerHalf {
  messages = 0
  midMessage = false
  readonly #greeting: Buffer
  readonly #greetingText: string
  readonly #lineEndAndGreeting: string

  constructor(greeting: Buffer) {
    this.#greeting = greeting
    this.#greetingText = greeting.toString('latin1')
    this.#lineEndAndGreeting = `\n${this.#greetingText}`
  }

  receive(chunk: Buffer): Bytes {
    const atLineStart = !this.midMessage
    const last = chunk.length - 1
    const firstLineEnd = chunk.indexOf(LF)
    this.midMessage = chunk[last] !== LF

    if (firstLineEnd === -1 || firstLineEnd === last) {
      if (!atLineStart) return chunk
      this.messages++
      const reply = Buffer.allocUnsafe(this.#greeting.length + chunk.length)
      reply.set(this.#greeting, 0)
      reply.set(chunk, this.#greeting.length)
      return reply
    }

    // The last byte stays out: a line end there begins no line yet.
    const lines = chunk.toString('latin1', 0, last)
    const greeted = lines.replaceAll('\n', this.#lineEndAndGreeting)
    this.messages += (greeted.length - lines.length) / this.#greeting.length + (atLineStart ? 1 : 0)
    return (atLineStart ? this.#greetingText : '') + greeted + chunk.toString('latin1', last)
  }
}

const clients = shared(({ message, greeting, nextRequest }: AskOptions) => {
  if (nextRequest === undefined) return fixedReply(Buffer.from(`${message}\n`), Buffer.from(`${greeting}${message}\n`))
  const prefix = Buffer.from(greeting)
  return () => varyingReply(nextRequest, line => Buffer.concat([prefix, line]))
})

/** A greeting for every line: `张三` is answered by `你好，张三`. */
export const greet: Protocol = {
  defaultPort: 1234,
  text: true,
  serve: ({ greeting }) => new Greeter(Buffer.from(greeting)),
  ask: options => clients(options)(),
}
