import { randomBytes } from 'node:crypto'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { expect, test } from '@jest/globals'
import { crc32, crc32c } from './crc.ts'

test('the CRC-32 of ranges of any length is that of zlib, also in two parts', () => {
  const bytes = randomBytes(300)
  for (let end = 0; end <= bytes.length; end++) {
    const start = Math.floor(end / 3)
    expect(crc32(bytes, start, end)).toBe(zlibCrc32(bytes.subarray(start, end)))
    expect(crc32(bytes, start, end, crc32(bytes, 0, start))).toBe(zlibCrc32(bytes.subarray(0, end)))
  }
})

test('CRC-32C has the values of the specifications', () => {
  // The check value of the CRC catalogue, and an example of RFC 3720, appendix B.4.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
})
