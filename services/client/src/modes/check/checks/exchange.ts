import type { Check } from '../check.ts'

/** How long to watch for unexpected bytes. */
const QUIET_MS = 100

/** A request gets its reply, a second one as well, and nothing else arrives. */
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
    mismatch: 'This is another server than expected, its greeting is different, or something on the path changes bytes.',
    timeout: 'The server hangs or is too slow, does not take a line for a request, or its reply is too short.',
    eof: 'The server closes instead of replying: it serves one request per connection, uses another protocol, or is at a limit.',
    reset: 'The server crashes or aborts on requests, or a firewall that inspects them resets the connection.',
    otherwise: 'The server uses another protocol on this port.',
  },
}
