import { type ClientCodec, WrongReply } from './protocol.ts'

/** Short replies that came in one read are compared at once, up to about this many bytes: a comparison each would cost more than the bytes. */
const COMPARED_BYTES = 16_384

/**
 * Makes clients' halves for protocols in which every request is the same and so is every reply: they compare what comes back, byte by byte
 * and however it is cut, without keeping any of it.
 */
export function fixedReply(request: Buffer, reply: Buffer): () => ClientCodec {
  const replies = Buffer.alloc(Math.max(1, Math.floor(COMPARED_BYTES / reply.length)) * reply.length, reply)
  return () => newCodec(request, reply, replies)
}

/** @param replies the reply, so often as it is compared at once */
function newCodec(request: Buffer, reply: Buffer, replies: Buffer): ClientCodec {
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
        const length = Math.min(Math.min(replies.length, awaited * reply.length) - position, chunk.length - start)
        if (chunk.compare(replies, position, position + length, start, start + length) !== 0) {
          throw firstWrong(reply, position, chunk.subarray(start), completed)
        }
        start += length
        const ended = Math.floor((position + length) / reply.length)
        position += length - ended * reply.length
        awaited -= ended
        completed += ended
      }
      return completed
    },
  }
}

/** Leaves out the right replies that came before the wrong one, and counts them. */
function firstWrong(reply: Buffer, position: number, received: Buffer, before: number): WrongReply {
  let completed = before
  let start = 0
  for (let end = reply.length - position; received.subarray(start, end).equals(reply.subarray(position)); end += reply.length) {
    start = end
    position = 0
    completed++
  }
  return new WrongReply(reply.subarray(position), received.subarray(start), '', completed)
}
