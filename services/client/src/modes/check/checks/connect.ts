import type { Check } from '../check.ts'

/** A connection can be established. */
export const connect: Check = {
  async run(context) {
    const { addresses } = await context.dial()
    const { dns, tcp = 0 } = context.phasesMs
    return { ...(dns !== undefined && { dnsMs: dns }), tcpMs: tcp, ...addresses }
  },
  hints: {
    timeout: 'A firewall drops the packets, no host has this address, or the accept queue of the server is full.',
    reset: 'The connection was reset immediately: a proxy accepts connections for a server that is down, or the server crashes.',
    otherwise: 'The server cannot be reached.',
  },
}
