import { crc32 } from '../crc.ts'

/** The frame types of the probe protocol, version 1 (docs/protocol.md). */
export const FrameType = { hello: 1, ping: 2, pong: 3, goAway: 4, reject: 5, bye: 6, summary: 7, last: 8, ended: 9 } as const

/** length u32, type u8, id u32, big-endian; `length` counts the bytes after itself. */
export const HEADER_BYTES = 9
export const LENGTH_BYTES = 4
export const TYPE_OFFSET = 4
export const ID_OFFSET = 5
export const CRC_BYTES = 4

/** received u64, sent u64, stalled u32, big-endian, in µs: the fields before the crc in a PONG's trailer. */
export const TIMES_BYTES = 20
export const PONG_TRAILER_BYTES = TIMES_BYTES + CRC_BYTES

/** Maximum payload of all frames other than PING and PONG, in bytes: they are held in memory until complete. */
export const MAX_JSON_BYTES = 16_384

/** Encodes a frame whose trailer is only the crc: any type except PONG. */
export function encodeFrame(type: number, id: number, payload: Buffer, crc = crc32(payload, 0, payload.length)): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length + CRC_BYTES)
  frame.writeUInt32BE(frame.length - LENGTH_BYTES, 0)
  frame[TYPE_OFFSET] = type
  frame.writeUInt32BE(id, ID_OFFSET)
  frame.set(payload, HEADER_BYTES)
  frame.writeUInt32BE(crc, HEADER_BYTES + payload.length)
  return frame
}

/** Writes a PONG's trailer. @param payloadCrc the crc32 of the payload, which is continued over the times */
export function writePongTrailer(
  target: Buffer,
  offset: number,
  payloadCrc: number,
  receivedUs: number,
  sentUs: number,
  stalledUs: number,
): void {
  writeUInt64(target, receivedUs, offset)
  writeUInt64(target, sentUs, offset + 8)
  target.writeUInt32BE(Math.min(stalledUs, 0xffffffff), offset + 16)
  const crcOffset = offset + TIMES_BYTES
  target.writeUInt32BE(crc32(target, offset, crcOffset, payloadCrc), crcOffset)
}

/** As two u32, because a BigInt would have to be allocated. */
function writeUInt64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(Math.floor(value / 2 ** 32), offset)
  target.writeUInt32BE(value >>> 0, offset + 4)
}

/** Exact up to 2⁵³ - 1. */
export function readUInt64(source: Buffer, offset: number): number {
  return source.readUInt32BE(offset) * 2 ** 32 + source.readUInt32BE(offset + 4)
}
