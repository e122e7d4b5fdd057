import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { crc32c } from './crc.ts'

/**
 * The PROXY protocol, versions 1 and 2: a proxy sends a header first, so that the server learns the client's address. Specified in
 * haproxy's doc/proxy-protocol.txt; section numbers refer to the edition of 2020/03/05.
 */
export type ProxyVersion = 'v1' | 'v2'

export interface ProxyAddress {
  /** As formatted by Node; an IPv4-mapped IPv6 address as IPv4. */
  readonly address: string
  readonly port: number
}

export interface ProxyHeader {
  readonly sizeBytes: number
  /** Undefined for the proxy's own connections (LOCAL) and unknown addresses; use the socket's address then. */
  readonly source?: ProxyAddress
  readonly destination?: ProxyAddress
}

/** Why a header was rejected. */
export type ProxyHeaderError = 'malformed' | 'too_long' | 'version' | 'checksum'

const CR = 0x0d
const LF = 0x0a
const V1_PREFIX = Buffer.from('PROXY ')
/** Section 2.1: the longest line, including CR LF. */
const V1_MAX_BYTES = 107
export const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V2_FIXED_BYTES = 16
/** Addresses and TLVs; the largest TLV is a whole client certificate. */
const V2_MAX_LENGTH = 4_096

/** Section 2.2: size of the two addresses and ports by address family. TLVs follow. */
const ADDRESS_BLOCK_BYTES = [0, 12, 36, 216] as const
const INET = 1
const INET6 = 2

/** Type u8 and length u16 precede the value of a TLV. */
const TLV_HEADER_BYTES = 3
const TYPE_CRC32C = 0x03

/**
 * Parses the header at the start of a connection. Anything else is rejected at the first byte that differs.
 * @param bytes everything received so far
 * @returns undefined while more bytes are needed
 */
export function parseProxyHeader(bytes: Buffer, accepted: ProxyVersion | 'any'): ProxyHeader | ProxyHeaderError | undefined {
  if (bytes.length === 0) return undefined
  if (startsLike(bytes, V1_PREFIX)) return accepted === 'v2' ? 'version' : parseV1(bytes)
  if (startsLike(bytes, V2_SIGNATURE)) return accepted === 'v1' ? 'version' : parseV2(bytes)
  return 'malformed'
}

function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length)
  return bytes.compare(prefix, 0, length, 0, length) === 0
}

/** Section 2.1: one line of text, such as `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`. */
function parseV1(bytes: Buffer): ProxyHeader | ProxyHeaderError | undefined {
  const lineEnd = bytes.subarray(0, V1_MAX_BYTES).indexOf(LF)
  if (lineEnd === -1) return bytes.length >= V1_MAX_BYTES ? 'too_long' : undefined
  if (bytes[lineEnd - 1] !== CR) return 'malformed'
  const sizeBytes = lineEnd + 1
  const fields = bytes.toString('latin1', 0, lineEnd - 1).split(' ')
  const [, family, from = '', to = '', fromPort = '', toPort = ''] = fields
  if (family === 'UNKNOWN') return { sizeBytes } // the rest of the line must be ignored
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isUnscopedIPv6 : () => false
  if (fields.length !== 6 || !isAddress(from) || !isAddress(to) || !isPort(fromPort) || !isPort(toPort)) return 'malformed'
  return { sizeBytes, source: addressOf(from, Number(fromPort)), destination: addressOf(to, Number(toPort)) }
}

/** Section 2.2: signature, version and command, family and transport, length; then addresses and TLVs, as counted by the length. */
function parseV2(bytes: Buffer): ProxyHeader | ProxyHeaderError | undefined {
  if (bytes.length < V2_FIXED_BYTES) return undefined
  const [command = 0, protocol = 0] = bytes.subarray(V2_SIGNATURE.length)
  const family = protocol >> 4
  const transport = protocol & 0xf
  const length = bytes.readUInt16BE(V2_FIXED_BYTES - 2)
  if (command >> 4 !== 2 || (command & 0xf) > 1 || family > 3 || transport > 2) return 'malformed'
  if (length > V2_MAX_LENGTH) return 'too_long'
  const sizeBytes = V2_FIXED_BYTES + length
  if (bytes.length < sizeBytes) return undefined
  const isLocal = (command & 0xf) === 0
  // The receiver must ignore the addresses.
  if (isLocal || family === 0 || transport === 0) return { sizeBytes }

  const addressBytes = ADDRESS_BLOCK_BYTES[family] ?? 0
  if (length < addressBytes) return 'malformed'
  const error = tlvError(bytes.subarray(0, sizeBytes), V2_FIXED_BYTES + addressBytes)
  if (error !== undefined) return error
  const addresses = bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + addressBytes)
  if (family === INET) return { sizeBytes, ...endsOf(addresses, octets => octets.join('.')) }
  if (family === INET6) {
    return { sizeBytes, ...endsOf(addresses, octets => (octets.toString('hex').match(/.{4}/g) ?? []).join(':')) }
  }
  return { sizeBytes } // Unix socket addresses are of no use to limits.
}

/** Validates the TLVs and, if one of them contains it, the checksum of the whole header (section 2.2.3). */
function tlvError(header: Buffer, offset: number): 'malformed' | 'checksum' | undefined {
  for (let start = offset; start < header.length; ) {
    const valueStart = start + TLV_HEADER_BYTES
    if (valueStart > header.length) return 'malformed'
    const length = header.readUInt16BE(start + 1)
    const end = valueStart + length
    if (end > header.length) return 'malformed'
    if (header[start] === TYPE_CRC32C) {
      if (length !== 4) return 'malformed'
      // The sender computes the checksum with the checksum field set to zero.
      const zeroed = Buffer.from(header).fill(0, valueStart, end)
      if (crc32c(zeroed) !== header.readUInt32BE(valueStart)) return 'checksum'
    }
    start = end
  }
  return undefined
}

function endsOf(block: Buffer, text: (octets: Buffer) => string): { source: ProxyAddress; destination: ProxyAddress } {
  const portsStart = block.length - 4
  const addressBytes = portsStart / 2
  return {
    source: addressOf(text(block.subarray(0, addressBytes)), block.readUInt16BE(portsStart)),
    destination: addressOf(text(block.subarray(addressBytes, portsStart)), block.readUInt16BE(portsStart + 2)),
  }
}

/** Normalizes IPv6 addresses, because limits per address compare strings. */
function addressOf(text: string, port: number): ProxyAddress {
  const { address } = new SocketAddress({ address: text, family: isIPv6(text) ? 'ipv6' : 'ipv4' })
  return { address: address.replace(/^::ffff:(?=[\d.]+$)/, ''), port }
}

/** Node's `isIPv6` also accepts a zone (`fe80::1%eth0`). */
export const isUnscopedIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%')
const isPort = (text: string) => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
