import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Limits the connections of an HTTP server without rejecting new ones: it destroys the oldest connection without a request in
 * progress or, if there is none, the oldest. Silent or slow clients therefore can't lock out others.
 */
export function evictConnections(server: Server, maxConnections: number): void {
  // In the order in which they were opened.
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
      // A connection kept alive for another request becomes the youngest idle one.
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket)
    })
  })

  function forget(socket: Socket | undefined): void {
    if (socket === undefined) return
    idle.delete(socket)
    busy.delete(socket)
  }
}
