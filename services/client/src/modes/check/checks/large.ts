import type { Check } from '../check.ts'

const TRANSFER_BYTES = 4 * 2 ** 20
const MESSAGE_BYTES = 8 * 2 ** 10
/** A line of chargen. */
const LINE_BYTES = 74

/** Much goes both ways at the same time, and comes back as it was. */
export const large: Check = {
  async run(scene) {
    const conversation = await scene.converse(scene.textFor(MESSAGE_BYTES))
    const startMs = performance.now()
    await conversation.stream(TRANSFER_BYTES / (scene.protocol === 'chargen' ? LINE_BYTES : MESSAGE_BYTES))
    await conversation.allAnswered()
    // Nothing but its FIN tells that a server has read all that it throws away.
    if (scene.protocol === 'discard') await conversation.finish()
    const durationMs = performance.now() - startMs
    return { ...conversation.figures, mebibytesPerSecond: TRANSFER_BYTES / 2 ** 20 / (durationMs / 1_000) }
  },
  means: {
    mismatch: 'Bytes are changed, lost or doubled on the way or by the server.',
    timeout:
      'The path is slow (raise the check timeout), stops at packets of full size (an MTU hole), or the server stops reading.',
    eof: 'The server or a proxy closes after a number of bytes or a time.',
    reset: 'The server or a proxy cuts the connection after a number of bytes or a time.',
    otherwise: 'A limit on the size of a transfer.',
  },
}
