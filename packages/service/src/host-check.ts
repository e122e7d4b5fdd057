import { BlockList, isIP } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * Checks the Host header of requests against DNS rebinding: a foreign page whose name begins to resolve to this machine could otherwise read
 * through the user's browser what is bound to loopback in order to be private.
 * @param address the bound address; any other than loopback may be reached by any name, and is not checked
 * @param name the host name that was bound, which is valid too
 * @returns the problem with a header; undefined if it is valid
 */
export function hostCheck(address: string, name: string): (host: string | undefined) => string | undefined {
  if (!isLoopback(address)) return () => undefined
  return host => {
    // Browsers always send it; health checks in HTTP/1.0 do not.
    if (host === undefined) return undefined
    const named = withoutPort(host.toLowerCase())
    if (named === 'localhost' || named === name.toLowerCase() || isLoopback(named)) return undefined
    return `wrong host ${JSON.stringify(host.slice(0, 100))}: this port is bound to ${address}; use localhost or that address`
  }
}

function isLoopback(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && LOOPBACK.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** Also without the brackets of an IPv6 address. */
const withoutPort = (host: string): string => {
  const [, bracketed, bare] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? []
  return bracketed ?? bare ?? ''
}
