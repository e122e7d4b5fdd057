import type { Check } from '../check.ts'

/** How long to watch a server that should not speak first. */
const QUIET_MS = 200

/** The server sends its first message, or nothing if it should not speak first. */
export const hello: Check = {
  skipReason: protocol => (protocol === 'chargen' ? 'a chargen server sends immediately' : undefined),
  async run(context) {
    const connection = await context.dial()
    if (!context.serverSpeaksFirst) {
      await connection.quiet(QUIET_MS)
      return { quietMs: QUIET_MS }
    }
    const startMs = performance.now()
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
