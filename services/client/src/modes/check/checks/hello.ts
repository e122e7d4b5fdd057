import type { Check } from '../check.ts'
import type { CheckContext } from '../check-context.ts'
import { CheckFailure } from '../check-failure.ts'

/** How long to watch a server that should not speak first, once it has had its turn. */
const QUIET_MS = 200

/** The server sends its first message, or nothing if it should not speak first. */
export const hello: Check = {
  skipReason: protocol => (protocol === 'chargen' ? 'a chargen server sends immediately' : undefined),
  async run(context) {
    const connection = await context.dial()
    const startMs = performance.now()
    if (!context.serverSpeaksFirst) {
      await serverHadItsTurn(context)
      await connection.quiet(QUIET_MS)
      return { quietMs: performance.now() - startMs }
    }
    await connection.opened(context.values.timeout)
    const helloMs = performance.now() - startMs
    const { server, release } = connection.hello
    if (server === undefined) return { helloMs, banner: connection.openingText.trimEnd() }
    return { helloMs, server: String(server), release: String(release) }
  },
  hints: {
    eof: 'A proxy or load balancer accepts connections for a server that is down, or a connection limit has been reached.',
    reset: 'A proxy or load balancer accepts connections for a server that is down, or the server crashes on new connections.',
    timeout: 'The server does not speak first: it is overloaded, or uses another protocol.',
    mismatch: 'The server sends data before the first request (set banner=address if it should), or is not the expected one.',
    otherwise: 'The server uses another protocol on this port.',
  },
}

/**
 * Waits until the server has answered on another connection, or has failed to. A server that is slow to accept is also slow to speak first:
 * once it serves a later connection, it has spoken on the earlier one.
 */
async function serverHadItsTurn(context: CheckContext): Promise<void> {
  const timeoutMs = Math.min(context.values.timeout, context.limitMs / 4)
  try {
    using later = await context.connect({ timeoutMs })
    await later.exchange(timeoutMs)
  } catch (error) {
    // Not the subject of this check.
    if (!(error instanceof CheckFailure)) throw error
  }
}
