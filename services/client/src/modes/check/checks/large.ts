import type { Figures } from '../../../report/results.ts'
import type { Check } from '../check.ts'

const TRANSFER_BYTES = 4 * 2 ** 20
const MESSAGE_BYTES = 8 * 2 ** 10
/** A line of chargen. */
const LINE_BYTES = 74

/** A large transfer in both directions at the same time arrives unchanged. */
export const large: Check = {
  async run(context) {
    const connection = await context.connect({ message: context.textFor(MESSAGE_BYTES) })
    const startMs = performance.now()
    await connection.stream(TRANSFER_BYTES / (context.protocol === 'chargen' ? LINE_BYTES : MESSAGE_BYTES))
    await connection.allAnswered()
    // Only its FIN shows that a discard server has read everything.
    if (context.protocol === 'discard') await connection.halfClose()
    const durationMs = performance.now() - startMs
    return { ...connection.figures, mebibytesPerSecond: TRANSFER_BYTES / 2 ** 20 / (durationMs / 1_000) }
  },
  hints: {
    mismatch: 'The server or something on the path changes, loses or duplicates bytes.',
    timeout: hintForTimeout,
    eof: 'The server or a proxy closes after a number of bytes or a time.',
    reset: 'The server or a proxy resets the connection after a number of bytes or a time.',
    otherwise: 'The server or a proxy limits the size of a transfer.',
  },
}

function hintForTimeout({ receivedBytes }: Figures): string {
  return receivedBytes === 0
    ? 'No reply to packets of full size arrived: the server does not reply, or the path loses large packets (the check sizes shows that).'
    : 'The path is slow (raise the check timeout), or the server or the path stops in the middle of a transfer.'
}
