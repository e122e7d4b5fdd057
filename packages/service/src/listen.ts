import type { ListenOptions, Server } from 'node:net'

const MEANINGS: Record<string, string> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOTFOUND: 'no such host',
  ENOENT: 'no such directory',
}

/** An address that can't be listened on; the message says which, and why. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: string

  constructor(where: string, { code = 'EUNKNOWN', message }: NodeJS.ErrnoException) {
    super(`can't listen on ${where}: ${MEANINGS[code] ?? message} (${code})`)
    this.code = code
  }
}

/**
 * Binds a server.
 * @param where how the user calls the address, for the error
 * @throws {ListenError}
 */
export function listen(server: Server, options: ListenOptions, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new ListenError(where, error))
    server.once('error', fail)
    server.listen(options, () => {
      server.off('error', fail)
      resolve()
    })
  })
}
