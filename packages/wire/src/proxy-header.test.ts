import { randomBytes, randomInt } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { crc32c } from './crc.ts'
import { type ProxyAddress, type ProxyVersion, parseProxyHeader } from './proxy-header.ts'
import { encodeProxyHeader } from './proxy-header-encoder.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const v2 = (command: number, family: number, block: Buffer, length = block.length) =>
  Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), Buffer.of(command, family, length >> 8, length & 0xff), block])
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const ipv4Block = hex('c0000201 c0000202 dc04 01bb')
const ipv6Block = hex('20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 01bb')

const ipv4 = { source: { address: '192.0.2.1', port: 56_324 }, destination: { address: '192.0.2.2', port: 443 } }
const ipv6 = { source: { address: '2001:db8::1', port: 56_324 }, destination: { address: '2001:db8::2', port: 443 } }
/** A TLV: type, length, value. */
const tlv = (type: number, value: Buffer, length = value.length) =>
  Buffer.concat([Buffer.of(type, length >> 8, length & 0xff), value])
const NOOP = 0x04
const CRC32C = 0x03

/** A header with a valid checksum between two other TLVs (section 2.2.3). */
function checksummed(protocol: number, addresses: Buffer): Buffer {
  const header = v2(
    0x21,
    protocol,
    Buffer.concat([addresses, tlv(NOOP, hex('ff')), tlv(CRC32C, Buffer.alloc(4)), tlv(NOOP, hex('00'))]),
  )
  header.writeUInt32BE(crc32c(header), 16 + addresses.length + 4 + 3)
  return header
}

/** The header with one bit of one byte inverted. */
function flipped(header: Buffer, offset: number): Buffer {
  const copy = Buffer.from(header)
  copy[offset] = (copy[offset] ?? 0) ^ 1
  return copy
}

/** As haproxy 2.6 sent it with `send-proxy-v2` and `proxy-v2-options crc32c`. */
const HAPROXY_HEADER = hex('0d0a0d0a000d0a515549540a 2111 0013 7f000001 7f000001 ac9a 9caf 030004 00e94480')

const longest = `PROXY UNKNOWN ${'f'.repeat(107 - 16)}\r\n`

const valid: [name: string, header: string | Buffer, expected: object][] = [
  ['v1 IPv4', 'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n', ipv4],
  ['v1 IPv6', 'PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n', ipv6],
  ['v1 IPv6 in another form', 'PROXY TCP6 2001:0DB8:0:0::1 2001:db8::0:2 56324 443\r\n', ipv6],
  ['v1 IPv4-mapped IPv6', 'PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 56324 443\r\n', ipv4],
  ['v1 unknown', 'PROXY UNKNOWN\r\n', {}],
  ['v1 unknown, with bytes that must be ignored', 'PROXY UNKNOWN ffff::1 what ever\r\n', {}],
  ['v1 of 107 bytes', longest, {}],
  ['v2 IPv4', v2(0x21, 0x11, ipv4Block), ipv4],
  ['v2 IPv6', v2(0x21, 0x21, ipv6Block), ipv6],
  ['v2 with a TLV', v2(0x21, 0x11, Buffer.concat([ipv4Block, tlv(NOOP, hex('00'))])), ipv4],
  [
    'v2 of haproxy with a checksum',
    HAPROXY_HEADER,
    { source: { address: '127.0.0.1', port: 44_186 }, destination: { address: '127.0.0.1', port: 40_111 } },
  ],
  ['v2 IPv4 with a checksum', checksummed(0x11, ipv4Block), ipv4],
  ['v2 IPv6 with a checksum', checksummed(0x21, ipv6Block), ipv6],
  ['v2 Unix with a checksum', checksummed(0x31, Buffer.alloc(216)), {}],
  ['v2 LOCAL', v2(0x20, 0x00, Buffer.alloc(0)), {}],
  ['v2 LOCAL, with addresses that must be ignored', v2(0x20, 0x11, ipv4Block), {}],
  ['v2 unspecified, with bytes that must be ignored', v2(0x21, 0x00, hex('030004 a95b7e3f')), {}],
  ['v2 Unix', v2(0x21, 0x31, Buffer.alloc(216)), {}],
  ['v2 of 16 + 4096 bytes', v2(0x21, 0x11, Buffer.concat([ipv4Block, tlv(NOOP, Buffer.alloc(4_096 - 15))])), ipv4],
]

const invalid: [name: string, header: string | Buffer, error: string][] = [
  ['plain bytes', 'hello\n', 'malformed'],
  ['a prefix that only looks like one', 'PROXZ', 'malformed'],
  ['TLS', hex('160301'), 'malformed'],
  ['v1 in lower case', 'proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
  ['v1 with LF alone', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n', 'malformed'],
  ['v1 with UDP', 'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
  ['v1 with two spaces', 'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
  ['v1 with one port', 'PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n', 'malformed'],
  ['v1 with a seventh field', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n', 'malformed'],
  ['v1 with a port too high', 'PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n', 'malformed'],
  ['v1 with a port with a leading zero', 'PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n', 'malformed'],
  ['v1 with IPv6 in TCP4', 'PROXY TCP4 ::1 ::2 1 2\r\n', 'malformed'],
  ['v1 with IPv4 in TCP6', 'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n', 'malformed'],
  ['v1 with a zone', 'PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n', 'malformed'],
  ['v1 with a log line instead of an address', 'PROXY TCP4 1.2.3.4"}\x1b[2J 192.0.2.2 1 2\r\n', 'malformed'],
  ['v1 of 108 bytes', longest.replace('f', 'ff'), 'too_long'],
  ['v1 without a line end', `PROXY TCP4 ${'1'.repeat(96)}`, 'too_long'],
  ['v2 of version 1', v2(0x11, 0x11, ipv4Block), 'malformed'],
  ['v2 with an unknown command', v2(0x22, 0x11, ipv4Block), 'malformed'],
  ['v2 with an unknown family', v2(0x21, 0x41, ipv4Block), 'malformed'],
  ['v2 with an unknown transport', v2(0x21, 0x13, ipv4Block), 'malformed'],
  ['v2 with a wrong checksum', v2(0x21, 0x11, Buffer.concat([ipv4Block, tlv(CRC32C, hex('a95b7e3f'))])), 'checksum'],
  ['v2 with a checksum and a changed address', flipped(checksummed(0x11, ipv4Block), 19), 'checksum'],
  ['v2 with a checksum and a changed TLV', flipped(checksummed(0x21, ipv6Block), 16 + 36 + 3), 'checksum'],
  ['v2 Unix with a wrong checksum', flipped(checksummed(0x31, Buffer.alloc(216)), 100), 'checksum'],
  ['v2 of haproxy with a changed checksum', flipped(HAPROXY_HEADER, 34), 'checksum'],
  ['v2 with a checksum of 3 bytes', v2(0x21, 0x11, Buffer.concat([ipv4Block, tlv(CRC32C, hex('a95b7e'))])), 'malformed'],
  ['v2 with a TLV that exceeds the header', v2(0x21, 0x11, Buffer.concat([ipv4Block, tlv(NOOP, hex('00'), 2)])), 'malformed'],
  ['v2 with two bytes of a TLV', v2(0x21, 0x11, Buffer.concat([ipv4Block, hex('0400')])), 'malformed'],
  ['v2 Unix that is too short', v2(0x21, 0x31, Buffer.alloc(215)), 'malformed'],
  ['v2 too short for its family', v2(0x21, 0x21, ipv4Block), 'malformed'],
  ['v2 too long, by its length field', v2(0x21, 0x11, Buffer.alloc(0), 4_097), 'too_long'],
]

const bytesOf = (header: string | Buffer) => (typeof header === 'string' ? Buffer.from(header, 'latin1') : header)

describe('parseProxyHeader', () => {
  test.each(valid)('parses %s, whole and byte by byte, and nothing after it', (_, header, expected) => {
    const bytes = bytesOf(header)
    const followed = Buffer.concat([bytes, Buffer.from('PROXY \r\n')])
    expect(parseProxyHeader(followed, 'any')).toEqual({ sizeBytes: bytes.length, ...expected })
    for (let length = 0; length < bytes.length; length++) {
      expect(parseProxyHeader(bytes.subarray(0, length), 'any')).toBeUndefined()
    }
    expect(parseProxyHeader(bytes, 'any')).toEqual({ sizeBytes: bytes.length, ...expected })
  })

  test.each(invalid)('rejects %s, whole and byte by byte', (_, header, error) => {
    const bytes = bytesOf(header)
    expect(parseProxyHeader(bytes, 'any')).toBe(error)
    const lengths = Array.from(bytes, (_, index) => index + 1)
    expect(lengths.map(length => parseProxyHeader(bytes.subarray(0, length), 'any')).find(Boolean)).toBe(error)
  })

  test('plain bytes are rejected at the first difference', () => {
    expect(parseProxyHeader(Buffer.from('h'), 'any')).toBe('malformed')
    expect(parseProxyHeader(Buffer.from('PX'), 'any')).toBe('malformed')
  })

  test('the other version is rejected', () => {
    const [v1, binary] = [bytesOf('PROXY UNKNOWN\r\n'), v2(0x21, 0x11, ipv4Block)]
    expect([parseProxyHeader(v1, 'v1'), parseProxyHeader(v1, 'v2')]).toEqual([{ sizeBytes: 15 }, 'version'])
    expect([parseProxyHeader(binary, 'v2'), parseProxyHeader(binary, 'v1')]).toEqual([{ sizeBytes: 28, ...ipv4 }, 'version'])
  })

  test('never throws, never returns an invalid address, and never waits for more than the longest header', () => {
    const headers = valid.map(([, header]) => bytesOf(header))
    for (let round = 0; round < 50_000; round++) {
      const bytes = Buffer.concat([headers[round % headers.length] ?? Buffer.alloc(0), randomBytes(randomInt(8))])
      for (let change = randomInt(4); change > 0; change--) bytes[randomInt(Math.min(64, bytes.length))] = randomInt(256)
      const header = parseProxyHeader(bytes.subarray(0, randomInt(bytes.length + 1)), 'any')
      if (typeof header === 'object' && header.source) expect(header.source.address).toMatch(/^[0-9a-f:.]{2,45}$/)
    }
    for (const header of headers) {
      const endless = Buffer.concat([header.subarray(0, 14), Buffer.alloc(2, 0xff), Buffer.alloc(8_192, 0x20)])
      expect(parseProxyHeader(endless, 'any')).not.toBeUndefined()
    }
  })
})

describe('encodeProxyHeader', () => {
  const pairs: [ProxyVersion, ProxyAddress, ProxyAddress][] = (['v1', 'v2'] as const).flatMap(version => [
    [version, ipv4.source, ipv4.destination] as [ProxyVersion, ProxyAddress, ProxyAddress],
    [version, ipv6.source, ipv6.destination],
    [version, { address: '::', port: 1 }, { address: '1::', port: 2 }],
    [version, { address: '1:2:3:4:5:6:7:8', port: 0 }, { address: '::1', port: 65_535 }],
  ])
  test.each(pairs)('%s of %j to %j is parsed as the same', (version, source, destination) => {
    const bytes = encodeProxyHeader(version, source, destination)
    expect(parseProxyHeader(bytes, version)).toEqual({ sizeBytes: bytes.length, source, destination })
  })

  test('an IPv4-mapped IPv6 address becomes IPv4', () => {
    const bytes = encodeProxyHeader('v2', { address: '::ffff:192.0.2.1', port: 1 }, { address: '::1', port: 2 })
    expect(parseProxyHeader(bytes, 'v2')).toMatchObject({ source: { address: '192.0.2.1', port: 1 } })
  })

  test('encodes the bytes of the specification', () => {
    expect(encodeProxyHeader('v1', ipv4.source, ipv4.destination).toString()).toBe('PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n')
    expect(encodeProxyHeader('v2', ipv4.source, ipv4.destination)).toEqual(v2(0x21, 0x11, ipv4Block))
    expect(encodeProxyHeader('v2', ipv6.source, ipv6.destination)).toEqual(v2(0x21, 0x21, ipv6Block))
  })

  test('without addresses of one family the addresses are unknown', () => {
    expect(encodeProxyHeader('v1').toString()).toBe('PROXY UNKNOWN\r\n')
    expect(encodeProxyHeader('v2')).toEqual(v2(0x20, 0x00, Buffer.alloc(0)))
    expect(encodeProxyHeader('v1', ipv4.source, ipv6.destination).toString()).toBe('PROXY UNKNOWN\r\n')
  })
})
