import { WrongReply } from './errors.ts'
import type { ClientCodec } from './protocol.ts'

/** A client codec for varying requests: each reply is compared with the one expected for its request, across any packet boundaries. */
export function varyingReplyMatcher(nextRequest: () => Buffer, replyTo: (request: Buffer) => Buffer): ClientCodec {
  const outstanding: Buffer[] = []
  let position = 0 // in the current reply

  return {
    oneWay: false,
    opening: false,
    replyText: undefined,
    request() {
      const request = nextRequest()
      outstanding.push(replyTo(request))
      return request
    },
    receive(chunk) {
      let completed = 0
      for (let start = 0; start < chunk.length; ) {
        const [reply] = outstanding
        if (reply === undefined) throw new WrongReply(Buffer.alloc(0), chunk.subarray(start), '', completed)
        const length = Math.min(reply.length - position, chunk.length - start)
        if (chunk.compare(reply, position, position + length, start, start + length) !== 0) {
          throw new WrongReply(reply.subarray(position), chunk.subarray(start), '', completed)
        }
        start += length
        position += length
        if (position < reply.length) continue
        position = 0
        outstanding.shift()
        completed++
      }
      return completed
    },
  }
}
