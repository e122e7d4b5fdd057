import type { Socket } from 'node:net'
import { type Capacity, MAX_REJECTING } from '../limits/capacity.ts'

/** How long a rejected peer may take to close after the server's FIN. */
const LINGER_MS = 1_000

/**
 * Sends a last message, if the protocol has one, and a FIN, then waits for the peer to close: closing immediately would send a RST if
 * the peer's first bytes are already in transit.
 */
export function reject(socket: Socket, capacity: Capacity, message: Buffer | undefined): void {
  socket.on('error', () => {}) // without a listener, a reset by the peer would crash the process
  if (socket.destroyed || capacity.rejecting >= MAX_REJECTING) {
    socket.destroy()
    return
  }
  capacity.rejecting++
  const deadline = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => {
    capacity.rejecting--
    clearTimeout(deadline)
  })
  socket.resume()
  if (message !== undefined) socket.write(message)
  socket.end()
}
