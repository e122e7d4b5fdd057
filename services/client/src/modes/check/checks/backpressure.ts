import type { Check } from '../check.ts'

const MESSAGE_BYTES = 16 * 2 ** 10
const MAX_BYTES = 64 * 2 ** 20
/** A path that accepts nothing for this share of the time limit is full. */
const STALL_SHARE = 1 / 10
const LINE_BYTES = 74
const LINES_BYTES = 2 ** 20

/** After the client has stopped reading until the path is full, and then resumed, everything arrives in order. */
export const backpressure: Check = {
  skipReason: protocol => (protocol === 'discard' ? 'a discard server sends nothing' : undefined),
  async run(context) {
    const connection = await context.connect({ message: context.textFor(MESSAGE_BYTES) })
    connection.pause()
    const startMs = performance.now()
    const stallMs = context.limitMs * STALL_SHARE
    if (context.protocol === 'chargen') {
      await connection.quiet(stallMs)
      connection.send(LINES_BYTES / LINE_BYTES)
    } else {
      const fillMs = context.values.checkTimeout / 4
      do connection.send()
      while (
        connection.sent * MESSAGE_BYTES < MAX_BYTES &&
        performance.now() - startMs < fillMs &&
        (await connection.takesMore(stallMs))
      )
    }
    const stalledMs = performance.now() - startMs
    const takenBytes = connection.figures.sentBytes ?? 0
    await connection.allAnswered()
    return { takenBytes, stalledMs, ...connection.figures }
  },
  hints: {
    mismatch: 'The server or a proxy loses or duplicates bytes when its reader is slow.',
    timeout:
      'The server or a proxy does not resume after waiting for a slow reader, or drops unsent bytes; or the path is slow (raise the check timeout).',
    eof: 'The server or a proxy closes the connections of slow readers and loses bytes in transit.',
    reset: 'The server or a proxy resets the connections of slow readers: it limits the time or the bytes buffered for them.',
    otherwise: 'The server or a proxy does not handle slow readers.',
  },
}
