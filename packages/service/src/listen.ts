import { lstatSync } from 'node:fs'
import type { ListenOptions, Server } from 'node:net'
import { dirname } from 'node:path'

const MEANINGS: Record<string, string> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'not an address of this machine',
  EACCES: 'permission denied',
  EAFNOSUPPORT: 'address family not supported by this machine',
  EINVAL: 'invalid address',
  ENAMETOOLONG: 'path too long',
  ENOENT: 'no such directory',
  ENOTFOUND: 'no such host',
  ENOTSUP: 'this platform does not support reuse-port',
  ENOTSOCK: 'the path exists and is not a socket',
}

/** The server can't listen on an address; the message names the address and the reason. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: string

  constructor(where: string, code: string, message: string) {
    super(`can't listen on ${where}: ${MEANINGS[code] ?? message} (${code})`)
    this.code = code
  }
}

/**
 * Binds a server. An empty host or `::` means all addresses: IPv6 and IPv4, or only IPv4 on a machine without IPv6.
 * @param where the address as the user wrote it, for the error message
 * @throws {ListenError}
 */
export function listen(server: Server, { host, ...options }: ListenOptions, where: string): Promise<void> {
  // Without a host, Node binds `::` for both families and falls back to 0.0.0.0.
  const everyAddress = host === undefined || host === '' || host === '::'
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(new ListenError(where, codeOf(error, options.path), error.message))
    server.once('error', fail)
    server.listen(everyAddress ? options : { ...options, host }, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/** The actual cause for a Unix socket: Node reports a missing directory as EACCES and any file at the path as EADDRINUSE. */
function codeOf({ code = 'EUNKNOWN' }: NodeJS.ErrnoException, path: string | undefined): string {
  if (path === undefined) return code
  if (code === 'EACCES' && !exists(dirname(path))) return 'ENOENT'
  if (code === 'EADDRINUSE' && lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) return 'ENOTSOCK'
  return code
}

/** False only if the path is known to be missing: a parent directory may be unreadable. */
function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}
