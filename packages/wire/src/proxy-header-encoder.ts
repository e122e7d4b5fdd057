import { isIPv4 } from 'node:net'
import { isUnscopedIPv6, type ProxyAddress, type ProxyVersion, V2_SIGNATURE } from './proxy-header.ts'

/** Encodes a PROXY header (doc/proxy-protocol.txt, sections 2.1 and 2.2); UNKNOWN or LOCAL unless both addresses are of one family. */
export function encodeProxyHeader(version: ProxyVersion, source?: ProxyAddress, destination?: ProxyAddress): Buffer {
  const ends = source === undefined || destination === undefined ? [] : [source, destination]
  const family = familyOf(ends)
  if (version === 'v1') {
    if (family === undefined) return Buffer.from('PROXY UNKNOWN\r\n')
    const fields = [...ends.map(({ address }) => address), ...ends.map(({ port }) => port)]
    return Buffer.from(`PROXY TCP${family} ${fields.join(' ')}\r\n`)
  }
  if (family === undefined) return encodeV2(0x20, 0x00, Buffer.alloc(0))
  const octets = [...ends.flatMap(({ address }) => octetsOf(address)), ...ends.flatMap(({ port }) => u16Octets(port))]
  return encodeV2(0x21, family === 4 ? 0x11 : 0x21, Buffer.from(octets))
}

function encodeV2(command: number, protocol: number, addresses: Buffer): Buffer {
  return Buffer.concat([V2_SIGNATURE, Buffer.of(command, protocol, ...u16Octets(addresses.length)), addresses])
}

function familyOf(ends: readonly ProxyAddress[]): 4 | 6 | undefined {
  if (ends.length === 0) return undefined
  if (ends.every(({ address }) => isIPv4(address))) return 4
  return ends.every(({ address }) => isUnscopedIPv6(address)) ? 6 : undefined
}

const u16Octets = (value: number) => [value >> 8, value & 0xff]

function octetsOf(address: string): number[] {
  if (isIPv4(address)) return address.split('.').map(Number)
  const hexadecimal = address.replace(/[\d.]+$/, ending => {
    if (!isIPv4(ending)) return ending
    const [a = 0, b = 0, c = 0, d = 0] = ending.split('.').map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail = ''] = hexadecimal.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const zeros = Array(8 - groups(head).length - groups(tail).length).fill('0')
  const all = hexadecimal.includes('::') ? [...groups(head), ...zeros, ...groups(tail)] : groups(hexadecimal)
  return all.flatMap(group => u16Octets(Number.parseInt(group, 16)))
}
