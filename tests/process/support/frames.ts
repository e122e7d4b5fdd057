import { crc32 } from 'node:zlib'

/** A frame's header (docs/protocol.md), valid or not. */
export function frameHeader(length: number, type: number): Buffer {
  const header = Buffer.alloc(9)
  header.writeUInt32BE(length)
  header[4] = type
  return header
}

/** A frame of any type except PONG, with id 0. */
export function frame(type: number, text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([frameHeader(9 + payload.length, type), payload, checksum(payload)])
}

/** The PONG to a PING, with all times 0. */
export function pongTo(ping: Buffer): Buffer {
  const covered = Buffer.concat([ping.subarray(9, -4), Buffer.alloc(20)])
  const header = frameHeader(9 + covered.length, 3)
  ping.copy(header, 5, 5, 9)
  return Buffer.concat([header, covered, checksum(covered)])
}

function checksum(covered: Buffer): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(covered))
  return bytes
}
