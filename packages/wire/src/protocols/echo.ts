import { constantReplyMatcher } from '../constant-reply-matcher.ts'
import { memoize } from '../memoize.ts'
import type { ClientOptions, Protocol, ServerCodec } from '../protocol.ts'
import { varyingReplyMatcher } from '../varying-reply-matcher.ts'

class EchoServer implements ServerCodec {
  /** RFC 862 has no messages: each read counts as one. */
  messages = 0
  readonly midMessage = false

  receive(chunk: Buffer): Buffer {
    this.messages++
    return chunk
  }
}

const clientCodecs = memoize(({ message, nextRequest }: ClientOptions) => {
  if (nextRequest !== undefined) return () => varyingReplyMatcher(nextRequest, request => request)
  const line = Buffer.from(`${message}\n`)
  return constantReplyMatcher(line, line)
})

/** RFC 862: the server returns all received bytes. */
export const echo: Protocol = {
  defaultPort: 7007,
  text: true,
  serverCodec: () => new EchoServer(),
  clientCodec: options => clientCodecs(options)(),
}
