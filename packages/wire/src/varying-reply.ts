import { type ClientCodec, WrongReply } from './protocol.ts'

/** A client's half for requests that differ: each reply is compared, byte by byte and however it is cut, with the one that its request must get. */
export function varyingReply(nextRequest: () => Buffer, replyTo: (request: Buffer) => Buffer): ClientCodec {
  const awaited: Buffer[] = []
  let position = 0 // in the reply that is coming in

  return {
    oneWay: false,
    opening: false,
    replyText: undefined,
    request() {
      const request = nextRequest()
      awaited.push(replyTo(request))
      return request
    },
    receive(chunk) {
      let completed = 0
      for (let start = 0; start < chunk.length; ) {
        const [reply] = awaited
        if (reply === undefined) throw new WrongReply(Buffer.alloc(0), chunk.subarray(start), '', completed)
        const length = Math.min(reply.length - position, chunk.length - start)
        if (chunk.compare(reply, position, position + length, start, start + length) !== 0) {
          throw new WrongReply(reply.subarray(position), chunk.subarray(start), '', completed)
        }
        start += length
        position += length
        if (position < reply.length) continue
        position = 0
        awaited.shift()
        completed++
      }
      return completed
    },
  }
}
