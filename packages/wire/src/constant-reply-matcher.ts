import { WrongReply } from './errors.ts'
import type { ClientCodec } from './protocol.ts'

/** Short replies in one read are compared together, and short requests repeated in one buffer, up to about this many bytes: one call per reply would cost more than comparing. */
const COMPARED_BYTES = 16_384

/**
 * Creates client codecs for identical exchanges: received bytes are compared with the one valid reply, across any packet boundaries,
 * and not kept.
 */
export function constantReplyMatcher(request: Buffer, reply: Buffer): () => ClientCodec {
  const requests = repeat(request)
  const replies = request.equals(reply) ? requests : repeat(reply)
  return () => newCodec(request, requests, reply, replies)
}

const repeat = (bytes: Buffer) => Buffer.alloc(Math.max(1, Math.floor(COMPARED_BYTES / bytes.length)) * bytes.length, bytes)

/** @param requests the request, repeated @param replies the reply, repeated */
function newCodec(request: Buffer, requests: Buffer, reply: Buffer, replies: Buffer): ClientCodec {
  let outstanding = 0
  let position = 0 // in the current reply

  return {
    oneWay: false,
    opening: false,
    replyText: reply.toString().trimEnd(),
    request() {
      outstanding++
      return request
    },
    repeated: count => (count * request.length <= requests.length ? requests.subarray(0, count * request.length) : undefined),
    receive(chunk) {
      let completed = 0
      for (let start = 0; start < chunk.length; ) {
        if (outstanding === 0) throw new WrongReply(Buffer.alloc(0), chunk.subarray(start), '', completed)
        const length = Math.min(Math.min(replies.length, outstanding * reply.length) - position, chunk.length - start)
        if (chunk.compare(replies, position, position + length, start, start + length) !== 0) {
          throw firstDifference(reply, position, chunk.subarray(start), completed)
        }
        start += length
        const ended = Math.floor((position + length) / reply.length)
        position += length - ended * reply.length
        outstanding -= ended
        completed += ended
      }
      return completed
    },
  }
}

/** Finds the wrong reply, counting the valid ones before it. */
function firstDifference(reply: Buffer, position: number, received: Buffer, before: number): WrongReply {
  let completed = before
  let start = 0
  for (let end = reply.length - position; received.subarray(start, end).equals(reply.subarray(position)); end += reply.length) {
    start = end
    position = 0
    completed++
  }
  return new WrongReply(reply.subarray(position), received.subarray(start), '', completed)
}
