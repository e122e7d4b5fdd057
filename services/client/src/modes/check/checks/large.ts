import type { Figures } from '../../../report/results.ts'
import type { Check } from '../check.ts'

const TRANSFER_BYTES = 4 * 2 ** 20
const MESSAGE_BYTES = 8 * 2 ** 10
/** A line of chargen. */
const LINE_BYTES = 74

/** A large, simultaneous transfer in both directions arrives unchanged. */
export const large: Check = {
  async run(context) {
    const connection = await context.connect({ message: context.textFor(MESSAGE_BYTES) })
    const startMs = performance.now()
    await connection.stream(TRANSFER_BYTES / (context.protocol === 'chargen' ? LINE_BYTES : MESSAGE_BYTES))
    await connection.allAnswered()
    // Only the FIN of a discard server shows that it has read everything.
    if (context.protocol === 'discard') await connection.halfClose()
    const durationMs = performance.now() - startMs
    return { ...connection.figures, mebibytesPerSecond: TRANSFER_BYTES / 2 ** 20 / (durationMs / 1_000) }
  },
  hints: {
    mismatch: 'The server or something on the path modifies, loses or duplicates data.',
    timeout: hintForTimeout,
    eof: 'The server or a proxy closes the connection after an amount of data or time.',
    reset: 'The server or a proxy resets the connection after an amount of data or time.',
    otherwise: 'The server or a proxy limits the size of a transfer.',
  },
}

function hintForTimeout({ receivedBytes }: Figures): string {
  return receivedBytes === 0
    ? 'Full-size packets got no reply: the server does not reply, or the path drops large packets (the check sizes shows which).'
    : 'The path is slow (raise the check timeout), or the server or the path stalls during a transfer.'
}
