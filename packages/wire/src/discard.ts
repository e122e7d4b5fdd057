import { type ClientCodec, type Protocol, type ServerCodec, WrongReply } from './protocol.ts'

class Discarder implements ServerCodec {
  /** RFC 863 knows no messages: each read counts as one. */
  messages = 0
  readonly midMessage = false

  receive(): undefined {
    this.messages++
  }
}

function speaker(request: () => Buffer): ClientCodec {
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

/** RFC 863: whatever comes is thrown away, and nothing is ever sent back. */
export const discard: Protocol = {
  defaultPort: 7009,
  text: true,
  serverCodec: () => new Discarder(),
  clientCodec({ message, nextRequest }) {
    const line = Buffer.from(`${message}\n`)
    return speaker(nextRequest ?? (() => line))
  },
}
