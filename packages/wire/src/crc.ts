import { crc32 as zlibCrc32 } from 'node:zlib'

/** Below this many bytes, the table is faster than creating a view of the range and calling zlib. */
const TABLE_BYTES = 64

const CRC32 = createTable(0xedb88320)
const CRC32C = createTable(0x82f63b78)

/** @param polynomial bit-reversed */
function createTable(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, index) => {
    let remainder = index
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1
    return remainder
  })
}

function tableCrc(table: Int32Array, bytes: Buffer, start: number, end: number, crc: number): number {
  let remainder = ~crc
  for (let index = start; index < end; index++) {
    remainder = (table[(remainder ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (remainder >>> 8)
  }
  return ~remainder >>> 0
}

/** zlib's CRC-32 over a range of the bytes. @param crc that of the bytes before the range */
export function crc32(bytes: Buffer, start: number, end: number, crc = 0): number {
  if (end - start < TABLE_BYTES) return tableCrc(CRC32, bytes, start, end, crc)
  return zlibCrc32(bytes.subarray(start, end), crc)
}

/** CRC-32C (RFC 4960, appendix B), the checksum of PROXY headers; its polynomial differs from zlib's. */
export function crc32c(bytes: Buffer): number {
  return tableCrc(CRC32C, bytes, 0, bytes.length, 0)
}
