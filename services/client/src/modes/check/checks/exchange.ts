import type { Check } from '../check.ts'

/** How long to look out for bytes that nobody asked for. */
const QUIET_MS = 100

/** A request gets its reply, a second one as well, and nothing else comes. */
export const exchange: Check = {
  async run(scene) {
    const { timeout } = scene.values
    const conversation = await scene.converse()
    const firstMs = await conversation.exchange(timeout)
    const roundTripMs = await conversation.exchange(timeout)
    // Where the server sends without end, there is nothing to look out for.
    await conversation.quiet(QUIET_MS)
    return { firstMs, roundTripMs }
  },
  means: {
    mismatch: 'The server is not the one that was meant, or has another greeting, or something on the way changes bytes.',
    timeout: 'The server is too slow or hangs, waits for something other than a line, or answers less than it should.',
    eof: 'The server closes instead of answering: it serves one request a connection, speaks another protocol or refuses by a limit.',
    reset: 'The server crashes or aborts on requests, or a firewall that reads along cuts the connection.',
    otherwise: 'Another protocol is spoken on that port.',
  },
}
