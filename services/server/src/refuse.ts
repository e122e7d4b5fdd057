import type { Socket } from 'node:net'
import { type Capacity, REFUSED_AT_ONCE } from './capacity.ts'

/** How long a refused peer may take to close, after the FIN that tells it. */
const LINGER_MS = 1_000

/**
 * Says FIN, behind a farewell where the protocol has one, and closes when the peer does: closing at once would make a RST of it when the
 * peer's first bytes are under way.
 */
export function refuse(socket: Socket, capacity: Capacity, farewell: Buffer | undefined): void {
  socket.on('error', () => {}) // the peer may reset; without a listener that would end the process
  if (socket.destroyed || capacity.refused >= REFUSED_AT_ONCE) {
    socket.destroy()
    return
  }
  capacity.refused++
  const deadline = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => {
    capacity.refused--
    clearTimeout(deadline)
  })
  socket.resume()
  if (farewell !== undefined) socket.write(farewell)
  socket.end()
}
