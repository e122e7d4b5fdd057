import { type Check, needsReplies } from '../check.ts'

/** Characters of two, three and four bytes. */
const MESSAGE = 'é你好，张三🀄ß'

/** A request that arrives byte by byte, split inside characters, gets the same reply as one that arrives whole. */
export const utf8Pieces: Check = {
  skipReason: needsReplies,
  async run(context) {
    const connection = await context.connect({ message: MESSAGE })
    // A server that does not read yet, or a proxy that is still connecting, would get the pieces as one.
    await connection.exchange(context.values.timeout)
    const pieces = await connection.sendInBytes()
    await connection.allAnswered()
    return { pieces }
  },
  hints: {
    mismatch:
      'The server treats each packet as a whole message, or decodes each packet separately, which breaks characters that span two.',
    timeout: 'The server treats each packet as a whole message and loses the bytes of the next one.',
    otherwise: 'The server fails on requests that arrive in pieces, as slow paths deliver them.',
  },
}
