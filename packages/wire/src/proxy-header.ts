import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/**
 * The PROXY protocol, versions 1 and 2: what a proxy writes in front of a connection so that the server learns whose it is.
 * Specified in haproxy's doc/proxy-protocol.txt; the sections are those of its edition of 2020/03/05.
 */
export type ProxyVersion = 'v1' | 'v2'

export interface ProxyAddress {
  /** In the one text form that Node gives a socket's address; an IPv4 address mapped to IPv6 as the IPv4 address that it is. */
  readonly address: string
  readonly port: number
}

export interface ProxyHeader {
  readonly sizeBytes: number
  /** Undefined where the proxy speaks for itself (LOCAL) or does not know (UNKNOWN): the socket's own address then holds. */
  readonly source?: ProxyAddress
  readonly destination?: ProxyAddress
}

/** Why bytes are no header that is accepted. */
export type ProxyHeaderError = 'malformed' | 'too_long' | 'version'

const CR = 0x0d
const LF = 0x0a
const V1_BEGIN = Buffer.from('PROXY ')
/** Section 2.1: the longest line, its CR LF included. */
const V1_MAX_BYTES = 107
const V2_BEGIN = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V2_FIXED_BYTES = 16
/** Addresses, and what proxies add behind them (TLVs): the client's whole certificate, at the most. */
const V2_MAX_LENGTH = 4_096

/**
 * Reads the header at the beginning of a connection. Bytes that can't become one are refused as soon as they differ.
 * @param bytes everything that has come so far
 * @returns undefined while more is needed
 */
export function parseProxyHeader(bytes: Buffer, accepted: ProxyVersion | 'any'): ProxyHeader | ProxyHeaderError | undefined {
  if (bytes.length === 0) return undefined
  if (beginsLike(bytes, V1_BEGIN)) return accepted === 'v2' ? 'version' : parseV1(bytes)
  if (beginsLike(bytes, V2_BEGIN)) return accepted === 'v1' ? 'version' : parseV2(bytes)
  return 'malformed'
}

function beginsLike(bytes: Buffer, begin: Buffer): boolean {
  const length = Math.min(bytes.length, begin.length)
  return bytes.compare(begin, 0, length, 0, length) === 0
}

/** Section 2.1: one line of text, such as `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`. */
function parseV1(bytes: Buffer): ProxyHeader | ProxyHeaderError | undefined {
  const lineEnd = bytes.subarray(0, V1_MAX_BYTES).indexOf(LF)
  if (lineEnd === -1) return bytes.length >= V1_MAX_BYTES ? 'too_long' : undefined
  if (bytes[lineEnd - 1] !== CR) return 'malformed'
  const sizeBytes = lineEnd + 1
  const fields = bytes.toString('latin1', 0, lineEnd - 1).split(' ')
  const [, family, from = '', to = '', fromPort = '', toPort = ''] = fields
  if (family === 'UNKNOWN') return { sizeBytes } // what follows is to be ignored
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : () => false
  if (fields.length !== 6 || !isAddress(from) || !isAddress(to) || !isPort(fromPort) || !isPort(toPort)) return 'malformed'
  return { sizeBytes, source: addressOf(from, Number(fromPort)), destination: addressOf(to, Number(toPort)) }
}

/** Section 2.2: signature, version and command, family and transport, length; then addresses and whatever else the length counts. */
function parseV2(bytes: Buffer): ProxyHeader | ProxyHeaderError | undefined {
  if (bytes.length < V2_FIXED_BYTES) return undefined
  const [command = 0, family = 0] = bytes.subarray(V2_BEGIN.length)
  const length = bytes.readUInt16BE(V2_FIXED_BYTES - 2)
  if (command >> 4 !== 2 || (command & 0xf) > 1 || family >> 4 > 3 || (family & 0xf) > 2) return 'malformed'
  if (length > V2_MAX_LENGTH) return 'too_long'
  const sizeBytes = V2_FIXED_BYTES + length
  if (bytes.length < sizeBytes) return undefined
  const isLocal = (command & 0xf) === 0
  if (isLocal || (family & 0xf) === 0) return { sizeBytes }
  const block = bytes.subarray(V2_FIXED_BYTES, sizeBytes)
  switch (family >> 4) {
    case 1:
      return addressesOf(block, sizeBytes, 4, octets => octets.join('.'))
    case 2:
      return addressesOf(block, sizeBytes, 16, octets => (octets.toString('hex').match(/.{4}/g) ?? []).join(':'))
    default:
      return { sizeBytes } // Unix sockets and the unspecified: no address that a limit could use
  }
}

function addressesOf(
  block: Buffer,
  sizeBytes: number,
  addressBytes: number,
  text: (octets: Buffer) => string,
): ProxyHeader | ProxyHeaderError {
  const portsAt = 2 * addressBytes
  if (block.length < portsAt + 4) return 'malformed'
  return {
    sizeBytes,
    source: addressOf(text(block.subarray(0, addressBytes)), block.readUInt16BE(portsAt)),
    destination: addressOf(text(block.subarray(addressBytes, portsAt)), block.readUInt16BE(portsAt + 2)),
  }
}

/** One address has many texts in IPv6; limits that count by text need the same one each time. */
function addressOf(text: string, port: number): ProxyAddress {
  const { address } = new SocketAddress({ address: text, family: isIPv6(text) ? 'ipv6' : 'ipv4' })
  return { address: address.replace(/^::ffff:(?=[\d.]+$)/, ''), port }
}

/** Without the zone that Node would allow. */
const isPlainIPv6 = (text: string) => isIPv6(text) && !text.includes('%')
const isPort = (text: string) => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

/** A header as a proxy writes it; without two addresses of one family, the one that says that they are not known. */
export function encodeProxyHeader(version: ProxyVersion, source?: ProxyAddress, destination?: ProxyAddress): Buffer {
  const family = source && destination && familyOf(source, destination)
  if (version === 'v1') {
    if (family === undefined) return Buffer.from('PROXY UNKNOWN\r\n')
    const { address: from, port: fromPort } = source as ProxyAddress
    const { address: to, port: toPort } = destination as ProxyAddress
    return Buffer.from(`PROXY TCP${family} ${from} ${to} ${fromPort} ${toPort}\r\n`)
  }
  const addresses = family === undefined ? [] : [source, destination].flatMap(end => octetsOf((end as ProxyAddress).address))
  const ports = family === undefined ? [] : [source, destination].flatMap(end => portOctets((end as ProxyAddress).port))
  const block = Buffer.from([...addresses, ...ports])
  const command = family === undefined ? 0x20 : 0x21
  const transport = family === undefined ? 0x00 : family === 4 ? 0x11 : 0x21
  return Buffer.concat([V2_BEGIN, Buffer.of(command, transport, ...portOctets(block.length)), block])
}

function familyOf({ address: from }: ProxyAddress, { address: to }: ProxyAddress): 4 | 6 | undefined {
  if (isIPv4(from) && isIPv4(to)) return 4
  return isPlainIPv6(from) && isPlainIPv6(to) ? 6 : undefined
}

const portOctets = (port: number) => [port >> 8, port & 0xff]

function octetsOf(address: string): number[] {
  if (isIPv4(address)) return address.split('.').map(Number)
  const mapped = address.replace(/[\d.]+$/, tail => {
    if (!isIPv4(tail)) return tail
    const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail = ''] = mapped.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const zeros = Array(8 - groups(head).length - groups(tail).length).fill('0')
  const all = mapped.includes('::') ? [...groups(head), ...zeros, ...groups(tail)] : groups(mapped)
  return all.flatMap(group => portOctets(Number.parseInt(group, 16)))
}
