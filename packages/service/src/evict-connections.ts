import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Keeps an HTTP server at or below a number of connections without turning new ones away: the oldest without a request in progress is
 * destroyed, else the oldest. Silent or slow clients can't keep others from being answered.
 */
export function evictConnections(server: Server, maxConnections: number): void {
  // In the order they were opened.
  const idle = new Set<Socket>()
  const busy = new Set<Socket>()
  server.on('connection', socket => {
    if (idle.size + busy.size >= maxConnections) {
      const [oldest] = idle.size > 0 ? idle : busy
      oldest?.destroy()
      forget(oldest)
    }
    idle.add(socket)
    socket.once('close', () => forget(socket))
  })
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    busy.add(socket)
    response.once('close', () => {
      // Kept alive for a next request, it is the youngest of the idle ones.
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket)
    })
  })

  function forget(socket: Socket | undefined): void {
    if (socket === undefined) return
    idle.delete(socket)
    busy.delete(socket)
  }
}
