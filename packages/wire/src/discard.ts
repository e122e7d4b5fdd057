import { type ClientHalf, type Protocol, type ServerHalf, WrongReply } from './protocol.ts'

class Discarder implements ServerHalf {
  /** RFC 863 knows no messages: each read counts as one. */
  messages = 0
  readonly midMessage = false

  receive(): undefined {
    this.messages++
  }
}

function speaker(request: () => Buffer): ClientHalf {
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
  serve: () => new Discarder(),
  ask({ message, nextRequest }) {
    const line = Buffer.from(`${message}\n`)
    return speaker(nextRequest ?? (() => line))
  },
}
