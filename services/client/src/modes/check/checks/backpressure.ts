import type { Check } from '../check.ts'

const MESSAGE_BYTES = 16 * 2 ** 10
const MAX_BYTES = 64 * 2 ** 20
const STALL_MS = 500
const LINE_BYTES = 74
const LINES_BYTES = 2 ** 20

/** A reader that stops while the server sends, until the path is full, and then reads on: everything comes, in order. */
export const backpressure: Check = {
  unfit: protocol => (protocol === 'discard' ? 'a discard server sends nothing' : undefined),
  async run(scene) {
    const conversation = await scene.converse(scene.textFor(MESSAGE_BYTES))
    conversation.pause()
    const startMs = performance.now()
    if (scene.protocol === 'chargen') {
      await conversation.quiet(STALL_MS)
      conversation.send(LINES_BYTES / LINE_BYTES)
    } else {
      const fillMs = scene.values.checkTimeout / 4
      do conversation.send()
      while (
        conversation.sent * MESSAGE_BYTES < MAX_BYTES &&
        performance.now() - startMs < fillMs &&
        (await conversation.takesMore(STALL_MS))
      )
    }
    const stalledMs = performance.now() - startMs
    const takenBytes = conversation.figures.sentBytes ?? 0
    await conversation.allAnswered()
    return { takenBytes, stalledMs, ...conversation.figures }
  },
  means: {
    mismatch: 'The server or a proxy loses or doubles bytes when its reader is slow: it ignores what a write tells it.',
    timeout:
      'The server or a proxy stops for good once it had to wait for its reader, or throws away what it could not send. Else a slow path (raise the check timeout).',
    eof: 'The server or a proxy closes on slow readers, and what was under way is lost.',
    reset: 'The server or a proxy cuts slow readers off: a limit of time, or of what may wait.',
    otherwise: 'The server or a proxy does not stand slow readers.',
  },
}
