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
    otherwise: 'The way to the server is not open.',
  },
}
