import type { Check } from '../check.ts'

/** How long to watch a server that should wait for the first request. */
const QUIET_MS = 200

/** The server sends its greeting first; or nothing, if it should not speak first. */
export const hello: Check = {
  skipReason: protocol => (protocol === 'chargen' ? 'a chargen server sends at once' : undefined),
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
    eof: 'A proxy or load balancer accepts for a server that is down, or a limit of connections is reached.',
    reset: 'A proxy or load balancer accepts for a server that is down, or the server crashes on new connections.',
    timeout: 'The server does not speak first: it is overloaded, or uses another protocol.',
    mismatch: 'The server speaks before the first request (set banner=true if it should), or is not the expected one.',
    otherwise: 'The server uses another protocol on this port.',
  },
}
