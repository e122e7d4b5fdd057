import { type ClientHalf, WrongReply } from './protocol.ts'

/**
 * A client's half for protocols in which every request is the same and so is every reply: compares what comes back, byte by byte
 * and however it is cut, without keeping any of it.
 */
export function fixedReply(request: Buffer, reply: Buffer): ClientHalf {
  let awaited = 0
  let position = 0 // in the reply that is coming in

  return {
    oneWay: false,
    opening: false,
    replyText: reply.toString().trimEnd(),
    request() {
      awaited++
      return request
    },
    receive(chunk) {
      let completed = 0
      for (let start = 0; start < chunk.length; ) {
        if (awaited === 0) throw new WrongReply(Buffer.alloc(0), chunk.subarray(start), '', completed)
        const length = Math.min(reply.length - position, chunk.length - start)
        if (chunk.compare(reply, position, position + length, start, start + length) !== 0) {
          throw new WrongReply(reply.subarray(position), chunk.subarray(start), '', completed)
        }
        start += length
        position += length
        if (position === reply.length) {
          position = 0
          awaited--
          completed++
        }
      }
      return completed
    },
  }
}
