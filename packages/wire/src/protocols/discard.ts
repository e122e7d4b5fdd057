import { WrongReply } from '../errors.ts'
import type { ClientCodec, Protocol, ServerCodec } from '../protocol.ts'

class DiscardServer implements ServerCodec {
  /** RFC 863 has no messages: each read counts as one. */
  messages = 0
  readonly midMessage = false

  receive(): undefined {
    this.messages++
  }
}

function discardClient(request: () => Buffer): ClientCodec {
  return {
    oneWay: true,
    replyText: undefined,
    opening: false,
    request,
    receive(chunk) {
      throw new WrongReply(Buffer.alloc(0), chunk)
    },
  }
}

/** RFC 863: the server discards all received bytes and sends none. */
export const discard: Protocol = {
  defaultPort: 7009,
  text: true,
  serverCodec: () => new DiscardServer(),
  clientCodec({ message, nextRequest }) {
    const line = Buffer.from(`${message}\n`)
    return discardClient(nextRequest ?? (() => line))
  },
}
