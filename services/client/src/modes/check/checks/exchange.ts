import type { Check } from '../check.ts'

/** How long to watch for unexpected bytes. */
const QUIET_MS = 100

/** A request gets its reply, so does a second one, and nothing else arrives. */
export const exchange: Check = {
  async run(context) {
    const { timeout } = context.values
    const connection = await context.connect()
    const firstMs = await connection.exchange(timeout)
    const roundTripMs = await connection.exchange(timeout)
    await connection.quiet(QUIET_MS)
    return { firstMs, roundTripMs }
  },
  hints: {
    mismatch: 'This is not the expected server, its greeting differs, or something on the path modifies data.',
    timeout: 'The server hangs or is too slow, does not accept a line as a request, or sends too short a reply.',
    eof: 'The server closes instead of replying: it serves only one request per connection, uses another protocol, or has reached a limit.',
    reset: 'The server crashes or aborts on requests, or a firewall inspects them and resets the connection.',
    otherwise: 'The server uses another protocol on this port.',
  },
}
