import { isIPv6 } from 'node:net'
import { type ProtocolName, protocols } from './protocols.ts'

/** Where a connection begins or ends, and what is said on it: `protocol[+tls|+unix]://host:port[?option=value&…]`. */
export interface Endpoint {
  readonly protocol: ProtocolName
  readonly tls: boolean
  readonly address: EndpointAddress
  /** The URL's options as they were written: what they mean is for the one who knows the settings. */
  readonly options: ReadonlyMap<string, string>
}

/** IPv6 addresses have no brackets here. An empty host is every address, IPv6 and IPv4; port 0 is any free port. */
export type EndpointAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/** Endpoint URLs that can't be read; `problems` names every one of them, with what would be valid. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError'
  readonly problems: readonly string[]
  /** Those that could be read: their options may hold further problems. */
  readonly endpoints: readonly Endpoint[]

  constructor(problems: readonly string[], endpoints: readonly Endpoint[] = []) {
    super(problems.join('\n'))
    this.problems = problems
    this.endpoints = endpoints
  }
}

/**
 * Reads one or more endpoint URLs, separated by blanks or commas.
 * @throws {EndpointError} with all problems in all URLs
 */
export function parseEndpoints(text: string): Endpoint[] {
  const problems: string[] = []
  const endpoints: Endpoint[] = []
  const urls = text.split(/[\s,]+/).filter(url => url !== '')
  if (urls.length === 0) problems.push(`no endpoint given: expected at least one, such as greet://localhost:1234`)
  for (const url of urls) {
    try {
      endpoints.push(parseEndpoint(url))
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error
      problems.push(...error.problems)
    }
  }
  if (problems.length > 0) throw new EndpointError(problems, endpoints)
  return endpoints
}

function parseEndpoint(text: string): Endpoint {
  const problems: string[] = []
  const problem = (what: string) => problems.push(`${text}: ${what}`)

  const hasHost = !/^[a-z+]+:\/\/:\d/.test(text)
  const url = URL.parse(hasHost ? text : text.replace('://', '://[::]'))
  const match = /^([a-z]+)(?:\+([a-z]+))?:\/\//.exec(text)
  if (url === null || match === null) {
    const port = /:(\d+)(?:[/?]|$)/.exec(text)?.[1]
    if (port !== undefined && Number(port) > 65535) problem(`port ${port} is out of range: expected 0 to 65535`)
    else problem('not an endpoint: expected protocol://host:port, protocol://[ipv6]:port or protocol+unix:///path')
    throw new EndpointError(problems)
  }

  const [, protocol = '', transport] = match
  if (!isProtocolName(protocol)) problem(`unknown protocol "${protocol}": expected ${Object.keys(protocols).join(', ')}`)
  if (transport !== undefined && transport !== 'tls' && transport !== 'unix') {
    problem(`unknown transport "+${transport}": expected +tls or +unix`)
  }
  if (url.username !== '' || url.password !== '') problem('a user or password has no meaning here')
  if (url.hash !== '') problem(`"${url.hash}" has no meaning here`)

  const options = new Map<string, string>()
  for (const [name, value] of url.searchParams) {
    if (options.has(name)) problem(`option "${name}" is given twice`)
    options.set(name, value)
  }

  const address = transport === 'unix' ? unixAddress(url, problem) : tcpAddress(url, protocol, problem)
  if (problems.length > 0) throw new EndpointError(problems)
  return {
    protocol: protocol as ProtocolName,
    tls: transport === 'tls',
    address: hasHost ? address : { ...address, host: '' },
    options,
  }
}

function unixAddress(url: URL, problem: (what: string) => void): EndpointAddress {
  const path = decoded(url.pathname)
  if (path === undefined) {
    problem('the path of the Unix socket has a % that begins no escape such as %20')
    return { path: '' }
  }
  if (url.host !== '') problem(`a Unix socket has no host: expected three slashes, as in greet+unix:///run/nihao.sock`)
  if (path.length <= 1) problem('the path of the Unix socket is missing, as in greet+unix:///run/nihao.sock')
  // sockaddr_un has 108 bytes, the last one a NUL; a longer path would be cut in silence.
  if (Buffer.byteLength(path) > 107) problem('the path of the Unix socket is longer than 107 bytes')
  return { path }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function tcpAddress(url: URL, protocol: string, problem: (what: string) => void): EndpointAddress {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === '') problem('the host is missing')
  else if (!isIPv6(host) && !/^[A-Za-z0-9._-]+$/.test(host)) problem(`"${host}" is not a host name or address`)
  if (url.pathname !== '' && url.pathname !== '/') problem(`a path ("${url.pathname}") has no meaning on TCP`)
  const defaultPort = isProtocolName(protocol) ? protocols[protocol].defaultPort : 0
  return { host, port: url.port === '' ? defaultPort : Number(url.port) }
}

function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(protocols, name)
}

/** An endpoint as a URL without its options: how logs, metrics and reports call a target. */
export function endpointUrl({ protocol, tls, address }: Endpoint): string {
  if ('path' in address) return `${protocol}+unix://${address.path}`
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host
  return `${protocol}${tls ? '+tls' : ''}://${host}:${address.port}`
}
