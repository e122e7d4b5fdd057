import { unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { ListenError, listen } from '@nihao/service'
import { type Endpoint, endpointUrl } from '@nihao/wire'

/** Maximum length of the accept queue; the kernel caps it at net.core.somaxconn. */
export const BACKLOG = 4_096

/**
 * Binds a server to an endpoint. A stale Unix socket, left by a killed process, is replaced.
 * @param reusePort whether other servers that also set this may listen on the same address and port
 * @throws {ListenError}
 */
export async function bind(server: Server, endpoint: Endpoint, reusePort: boolean): Promise<void> {
  const { address } = endpoint
  const options = { ...address, backlog: BACKLOG, reusePort }
  const url = endpointUrl(endpoint)
  try {
    await listen(server, options, url)
  } catch (error) {
    const inUse = error instanceof ListenError && error.code === 'EADDRINUSE'
    if (!inUse || !('path' in address) || !(await isStale(address.path))) throw error
    await unlink(address.path)
    await listen(server, options, url)
  }
}

function isStale(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
  })
}
