import type { Check } from '../check.ts'

/** A connection can be made at all. */
export const connect: Check = {
  async run(scene) {
    const { addresses } = await scene.connect()
    const { dns, tcp = 0 } = scene.phasesMs
    return { ...(dns !== undefined && { dnsMs: dns }), tcpMs: tcp, ...addresses }
  },
  means: {
    timeout: 'A firewall or security group drops the packets, the address belongs to nobody, or the listen queue is full.',
    reset:
      'The connection was cut as soon as it was made: a proxy accepts for a server that is not there, or the server crashes.',
    otherwise: 'The way to the server is not open.',
  },
}
