import type { AddressInfo } from 'node:net'
import type { ClientCodec } from './protocol.ts'

const LF = 0x0a

/** The line in which a text server announces its address, in the form of Node's `server.address()`. */
export function bannerLine(address: AddressInfo | string): string {
  return `the server address is ${JSON.stringify(address)}\n`
}

/** Wraps a client codec for a server that sends a banner line first. The line's text is not validated. */
export function afterBanner(codec: ClientCodec): ClientCodec {
  let opening = true
  return {
    oneWay: codec.oneWay,
    ...(codec.pulls !== undefined && { pulls: codec.pulls }),
    replyText: codec.replyText,
    get opening() {
      return opening
    },
    request: () => codec.request(),
    ...(codec.repeated && { repeated: codec.repeated }),
    receive(chunk) {
      if (!opening) return codec.receive(chunk)
      const lineEnd = chunk.indexOf(LF)
      if (lineEnd === -1) return 0
      opening = false
      return lineEnd + 1 < chunk.length ? codec.receive(chunk.subarray(lineEnd + 1)) : 0
    },
  }
}
