import { setTimeout as delay } from 'node:timers/promises'
import type { KernelSocket, KernelSockets, SocketAddresses } from '@nihao/service'

/** A socket waits this long for its row of the kernel's table. */
const MAX_WAIT_MS = 2_000

/**
 * Reads the row of a connection on which a reply is late. A request that was sent just before may not be acknowledged yet, because the other
 * kernel delays acknowledgements: the row is then read again, a tenth of a second later.
 * @returns undefined where there is no row in time
 */
export function settledRow(kernel: Pick<KernelSockets, 'find'>, socket: SocketAddresses): Promise<KernelSocket | undefined> {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  const addresses = { localAddress, localPort, remoteAddress, remotePort }
  let row: KernelSocket | undefined
  const read = async () => {
    row = await kernel.find(addresses)
    if (row !== undefined && onItsWay(row)) row = (await kernel.find(addresses)) ?? row
    return row
  }
  return Promise.race([read(), delay(MAX_WAIT_MS, undefined, { ref: false }).then(() => row)])
}

const onItsWay = ({ unacknowledgedBytes, timer, retransmissions }: KernelSocket) =>
  unacknowledgedBytes > 0 && timer === 'retransmission' && retransmissions === 0

/**
 * Whether the other kernel acknowledged none of what was sent again. A local firewall drops packets before they are sent: the kernel then arms the
 * window probe's timer, and no probe is answered.
 */
export function neverAcknowledged({ unacknowledgedBytes, timer, retransmissions, probes }: KernelSocket): boolean {
  if (unacknowledgedBytes === 0) return false
  return (timer === 'retransmission' && retransmissions > 0) || (timer === 'window_probe' && probes >= 2)
}
