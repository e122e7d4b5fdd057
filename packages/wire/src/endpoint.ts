import { isIPv6 } from 'node:net'
import { type ProtocolName, protocols } from './protocols/index.ts'

/** A listener or target: `protocol[+tls|+unix]://host:port[?option=value&…]`. */
export interface Endpoint {
  readonly protocol: ProtocolName
  readonly tls: boolean
  readonly address: EndpointAddress
  /** The URL's options as written; the services validate them. */
  readonly options: ReadonlyMap<string, string>
}

/**
 * An IPv6 address is without brackets and, if scoped, with its zone (`fe80::1%eth0`). An empty host means all addresses, IPv6 and
 * IPv4, and port 0 any free port: both only make sense for a listener.
 */
export type EndpointAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/** Invalid endpoint URLs; each of the `problems` says what is wrong and what is valid. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError'
  readonly problems: readonly string[]
  /** The valid endpoints, whose options can still be validated. */
  readonly endpoints: readonly Endpoint[]

  constructor(problems: readonly string[], endpoints: readonly Endpoint[] = []) {
    super(problems.join('\n'))
    this.problems = problems
    this.endpoints = endpoints
  }
}

/**
 * Parses one or more endpoint URLs, separated by spaces or commas.
 * @throws {EndpointError} with all problems of all URLs
 */
export function parseEndpoints(text: string): Endpoint[] {
  const problems: string[] = []
  const endpoints: Endpoint[] = []
  const urls = text.split(/[\s,]+/).filter(url => url !== '')
  if (urls.length === 0) problems.push('no endpoint: expected at least one, such as greet://localhost:1234')
  for (const url of urls) {
    const endpoint = parseEndpoint(url, problems)
    if (endpoint !== undefined) endpoints.push(endpoint)
  }
  if (problems.length > 0) throw new EndpointError(problems, endpoints)
  return endpoints
}

/** RFC 3986, appendix B, without the optional parts: protocol, transport, authority, path, query, fragment. */
const URL_PARTS = /^([a-z]+)(?:\+([a-z]+))?:\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/

const FORMS = 'expected protocol://host:port, protocol://[ipv6]:port or protocol+unix:///path'

function parseEndpoint(text: string, problems: string[]): Endpoint | undefined {
  const found = problems.length
  const report = (problem: string) => problems.push(`${text}: ${problem}`)
  const parts = URL_PARTS.exec(text)
  if (parts === null) {
    problems.push(`invalid endpoint "${text}": ${FORMS}`)
    return undefined
  }

  const [, protocol = '', transport, authority = '', path = '', query, fragment] = parts
  if (!isProtocolName(protocol)) report(`unknown protocol "${protocol}": must be one of ${Object.keys(protocols).join(', ')}`)
  if (transport !== undefined && transport !== 'tls' && transport !== 'unix') {
    report(`unknown transport "+${transport}": must be +tls or +unix`)
  }
  if (fragment !== undefined) report(`unexpected fragment "${fragment}"`)

  const options = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (options.has(name)) report(`duplicate option "${name}"`)
    options.set(name, value)
  }

  const address =
    transport === 'unix' ? unixAddress(authority, path, report) : tcpAddress(authority, path, defaultPort(protocol), report)
  if (problems.length > found) return undefined
  return { protocol: protocol as ProtocolName, tls: transport === 'tls', address, options }
}

/** sockaddr_un has 108 bytes, the last of which is NUL; a longer path would be truncated silently. */
const MAX_UNIX_PATH_BYTES = 107

function unixAddress(authority: string, escapedPath: string, report: (problem: string) => void): EndpointAddress {
  if (authority !== '') report('unexpected host: a Unix socket has three slashes, as in greet+unix:///run/nihao/greet.sock')
  const path = unescaped(escapedPath)
  if (path === undefined) report('invalid escape in the path: % must be followed by two hexadecimal digits, as in %20')
  else if (path.length <= 1) report('missing path of the Unix socket: expected a URL such as greet+unix:///run/nihao/greet.sock')
  else if (Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
    report(`path of the Unix socket too long: must be at most ${MAX_UNIX_PATH_BYTES} bytes`)
  }
  return { path: path ?? '' }
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function tcpAddress(authority: string, path: string, defaultPort: number, report: (problem: string) => void): EndpointAddress {
  if (path !== '' && path !== '/') report(`unexpected path "${path}"`)
  const userEnd = authority.lastIndexOf('@') + 1
  if (userEnd > 0) report('unexpected user name or password')
  const [, bracketed, plain = '', portText] = /^(?:(\[.*\])|(.*?))(?::([^:\]]*))?$/.exec(authority.slice(userEnd)) ?? []
  const host = bracketed === undefined ? plain : ipv6Address(bracketed)
  if (host === undefined) report(`invalid IPv6 address "${bracketed}"`)
  else if (bracketed === undefined && host.includes(':')) report(`invalid host "${host}": an IPv6 address must be in brackets`)
  else if (bracketed === undefined && !/^[A-Za-z0-9._-]*$/.test(host))
    report(`invalid host "${host}": must be a name or an address`)
  else if (host === '' && portText === undefined) report('missing host and port')
  if (portText !== undefined && !isPort(portText)) report(`invalid port "${portText}": must be an integer from 0 to 65535`)
  return { host: host ?? '', port: portText === undefined ? defaultPort : Number(portText) }
}

/** The zone of a scoped address follows `%`, or `%25` as in a URL (RFC 6874). The address is returned in canonical form. */
function ipv6Address(bracketed: string): string | undefined {
  const [, text = '', zone] = /^\[([^%]*)(?:%(?:25)?([A-Za-z0-9._~-]+))?\]$/.exec(bracketed) ?? []
  if (!isIPv6(text)) return undefined
  const address = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1)
  return zone === undefined ? address : `${address}%${zone}`
}

const isPort = (text: string) => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(protocols, name)
}

const defaultPort = (protocol: string) => (isProtocolName(protocol) ? protocols[protocol].defaultPort : 0)

/** An endpoint as a URL without options: its name in logs, metrics and reports. */
export function endpointUrl({ protocol, tls, address }: Endpoint): string {
  if ('path' in address) return `${protocol}+unix://${address.path}`
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host
  return `${protocol}${tls ? '+tls' : ''}://${host}:${address.port}`
}
