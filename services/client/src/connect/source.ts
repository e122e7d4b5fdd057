import { isIPv6 } from 'node:net'

/** Addresses of one connection as its two ends see them. */
export interface Seen {
  /** With port. */
  readonly localAddress: string | undefined
  /** `peer` is the client's address and port as the server sees them, from a PROXY header if there is one. */
  readonly hello: Readonly<Record<string, unknown>> | undefined
}

export interface Source {
  /** The client's address at its own end. */
  readonly own: string
  /** The client's address at the server's end. */
  readonly seen: string
  readonly translated: boolean
}

/**
 * The source address of a connection, without its port: a different port alone may be a coincidence of two translations to the same address.
 * @returns undefined where the server does not say what it sees, and for Unix sockets
 */
export function sourceOf({ localAddress, hello }: Seen): Source | undefined {
  const { peer } = hello ?? {}
  if (localAddress === undefined || typeof peer !== 'string') return undefined
  const own = plainAddress(localAddress)
  const seen = plainAddress(peer)
  return { own, seen, translated: own !== seen }
}

/** Whether the two ends see different source addresses; undefined where the server does not say. */
export function isTranslated(ends: Seen): boolean | undefined {
  // The usual case, at little cost.
  return ends.localAddress !== undefined && ends.hello?.peer === ends.localAddress ? false : sourceOf(ends)?.translated
}

/** Without the port, the zone, and the prefix of an IPv4 address on an IPv6 socket. */
function plainAddress(addressAndPort: string): string {
  const address = addressAndPort
    .replace(/:\d+$/, '')
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '')
  return isIPv6(address) ? address.toLowerCase() : address
}
