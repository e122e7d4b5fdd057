import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Closes a connection with RST. A TLS socket can't send one; its peer detects the missing close_notify instead. */
export function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}
