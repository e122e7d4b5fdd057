import { type Check, needsReplies } from '../check.ts'

/** Characters of two, three and four bytes. */
const MESSAGE = 'é你好，张三🀄ß'

/** A request that comes byte by byte, cut inside of characters, gets the same reply as one that comes whole. */
export const utf8Pieces: Check = {
  unfit: needsReplies,
  async run(scene) {
    const conversation = await scene.converse(MESSAGE)
    const pieces = await conversation.sendInBytes()
    await conversation.allAnswered()
    return { pieces }
  },
  means: {
    mismatch:
      'The server takes each packet for a whole message, or turns each into text by itself and so breaks characters at the cuts.',
    timeout: 'The server takes a packet for a whole message, and loses what comes in the next one.',
    otherwise: 'The server does not stand requests in pieces, as slow or narrow paths deliver them.',
  },
}
