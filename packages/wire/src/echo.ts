import { fixedReply } from './fixed-reply.ts'
import type { ClientOptions, Protocol, ServerCodec } from './protocol.ts'
import { shared } from './shared.ts'
import { varyingReply } from './varying-reply.ts'

class Echoer implements ServerCodec {
  /** RFC 862 knows no messages: each read counts as one. */
  messages = 0
  readonly midMessage = false

  receive(chunk: Buffer): Buffer {
    this.messages++
    return chunk
  }
}

const clients = shared(({ message, nextRequest }: ClientOptions) => {
  if (nextRequest !== undefined) return () => varyingReply(nextRequest, request => request)
  const line = Buffer.from(`${message}\n`)
  return fixedReply(line, line)
})

/** RFC 862: whatever comes is sent back. */
export const echo: Protocol = {
  defaultPort: 7007,
  text: true,
  serverCodec: () => new Echoer(),
  clientCodec: options => clients(options)(),
}
