import { type Check, needsRequests } from '../check.ts'

/** Requests sent before the client half-closes are answered; then the server closes its side. */
export const halfClose: Check = {
  skipReason: needsRequests,
  async run(context) {
    const connection = await context.connect()
    const startMs = performance.now()
    connection.send()
    await connection.halfClose()
    return { closedAfterMs: performance.now() - startMs }
  },
  hints: {
    eof: 'The server or a proxy closes as soon as the client half-closes: replies in transit are lost.',
    reset: 'The server or a proxy does not support half-close: it resets the connection, and replies in transit are lost.',
    timeout: 'The server or a proxy ignores the FIN: connections stay open until an idle timeout ends them.',
    otherwise: 'The server or a proxy does not support half-close.',
  },
}
