import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { encodeFrame, type Frame, FrameReader, FrameType, HEADER_BYTES, isIntact, payloadOf } from './frame.ts'
import { ProtocolError } from './protocol.ts'

const MEBIBYTE = 2 ** 20

/** Bytes in which no two places are alike for long. */
const content = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff))

interface Seen {
  readonly type: number
  readonly id: number
  readonly payload: Buffer
  readonly intact: boolean
}

function newReader(maxPayloadBytes = MEBIBYTE): { reader: FrameReader; seen: Seen[] } {
  const seen: Seen[] = []
  const take = (frame: Frame) =>
    seen.push({ type: frame.type, id: frame.id, payload: Buffer.from(payloadOf(frame)), intact: isIntact(frame) })
  return { reader: new FrameReader(maxPayloadBytes, take), seen }
}

/** The frames in the chunks, none left over. Each chunk is memory of its own, as what a read brings. */
function read(chunks: readonly Buffer[]): Seen[] {
  const { reader, seen } = newReader()
  for (const chunk of chunks) reader.read(Buffer.from(chunk))
  expect(reader.midFrame).toBe(false)
  return seen
}

function cutEvery(bytes: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  )
}

const short = [content(0), content(1), content(5), content(0)].map((payload, id) => ({
  type: FrameType.ping,
  id: 2 ** 32 - 4 + id,
  payload,
  intact: true,
}))
const shortBytes = Buffer.concat(short.map(({ type, id, payload }) => encodeFrame(type, id, payload)))

test('frames are found wherever the bytes are cut, at any two places', () => {
  for (let first = 0; first <= shortBytes.length; first++) {
    for (let second = first; second <= shortBytes.length; second++) {
      expect(read([shortBytes.subarray(0, first), shortBytes.subarray(first, second), shortBytes.subarray(second)])).toEqual(
        short,
      )
    }
  }
})

describe('a frame is whole that comes', () => {
  const lengths = [0, 1, 1_010, 1_011, 1_012, 1_023, 1_024, 1_025, 4_096, 5_000, 65_523, 65_536, 200_000]
  const pieces = [1, 2, 12, 13, 14, 1_023, 1_024, 1_025, 4_096, 4_097, 65_535, 65_536]
  test.each(pieces)('in pieces of %i bytes, whatever its length', pieceBytes => {
    const frames = lengths.map((length, id) => ({ type: FrameType.ping, id, payload: content(length), intact: true }))
    const bytes = Buffer.concat(frames.map(({ type, id, payload }) => encodeFrame(type, id, payload)))
    const seen = read(cutEvery(bytes, pieceBytes))
    expect(seen.map(({ payload, ...rest }) => ({ ...rest, length: payload.length }))).toEqual(
      frames.map(({ payload, ...rest }) => ({ ...rest, length: payload.length })),
    )
    expect(seen.every(({ payload }, index) => payload.equals(frames[index]?.payload ?? Buffer.alloc(0)))).toBe(true)
  })

  test('in small and large pieces by turns', () => {
    const frame = encodeFrame(FrameType.ping, 1, content(100_000))
    const chunks: Buffer[] = []
    for (let start = 0; start < frame.length; start += 2_005) {
      chunks.push(frame.subarray(start, start + 5), frame.subarray(start + 5, start + 2_005))
    }
    expect(read(chunks)).toEqual([{ type: FrameType.ping, id: 1, payload: content(100_000), intact: true }])
  })
})

describe('whole frames', () => {
  test('are views of what was read: nothing is copied', () => {
    const chunk = Buffer.from(shortBytes)
    const frames: Frame[] = []
    new FrameReader(MEBIBYTE, frame => frames.push(frame)).read(chunk)
    for (const { pieces } of frames) {
      expect(pieces).toHaveLength(1)
      expect(pieces[0].buffer).toBe(chunk.buffer)
    }
  })

  test('that came in large pieces are made of these very pieces', () => {
    const frame = encodeFrame(FrameType.ping, 1, content(150_000))
    const chunks = cutEvery(frame, 65_536).map(chunk => Buffer.from(chunk))
    const frames: Frame[] = []
    const reader = new FrameReader(MEBIBYTE, seen => frames.push(seen))
    for (const chunk of chunks) reader.read(chunk)
    const pieces = frames[0]?.pieces ?? []
    expect(pieces).toHaveLength(3)
    expect(pieces.every(({ buffer }, index) => buffer === chunks[index]?.buffer)).toBe(true)
  })
})

describe('a length that no frame can have is refused as soon as it is there', () => {
  const wrong: [name: string, length: number, reason: string][] = [
    ['0xffffffff', 0xffffffff, 'frame_too_long'],
    ['0x80000000', 0x80000000, 'frame_too_long'],
    ['one more than the most', 100 + 9 + 1, 'frame_too_long'],
    ['8, which is less than a header', 8, 'frame_too_short'],
    ['0', 0, 'frame_too_short'],
  ]
  test.each(wrong)('%s', (_, length, reason) => {
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt32BE(length)
    for (const chunks of [[header], cutEvery(header, 1), [Buffer.concat([header, content(50)])]]) {
      const { reader, seen } = newReader(100)
      const readAll = () => {
        for (const chunk of chunks) reader.read(chunk)
      }
      expect(readAll).toThrow(expect.objectContaining({ name: 'ProtocolError', reason }))
      expect(seen).toEqual([])
    }
  })

  test('the most that is allowed is taken, and so is nothing at all', () => {
    const { reader, seen } = newReader(100)
    for (const length of [100, 0]) reader.read(encodeFrame(FrameType.ping, 1, content(length)))
    expect(seen.map(({ payload }) => payload.length)).toEqual([100, 0])
    expect(() => reader.read(encodeFrame(FrameType.ping, 1, content(101)))).toThrow(ProtocolError)
  })

  test('frames before the wrong one were handed over', () => {
    const { reader, seen } = newReader(100)
    expect(() => reader.read(Buffer.concat([encodeFrame(FrameType.ping, 1, content(3)), Buffer.alloc(13, 0xff)]))).toThrow(
      ProtocolError,
    )
    expect(seen).toHaveLength(1)
  })
})

describe('memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  /** Bytes that are in use, in the heap and outside of it. */
  function usedBytes(): number {
    // What one collection finds, the next one gives back.
    for (let turn = 0; turn < 3; turn++) collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }

  /** Readers that have got so much of a frame of a mebibyte, in pieces of these sizes by turns; gives the bytes that they take each. */
  function bytesPerReader(readers: number, comeBytes: number, sizes: readonly number[]): number {
    const header = encodeFrame(FrameType.ping, 1, Buffer.alloc(0))
    header.writeUInt32BE(MEBIBYTE + 9)
    const all = Array.from({ length: readers }, () => newReader().reader)
    const before = usedBytes()
    for (const reader of all) {
      reader.read(Buffer.from(header))
      for (let come = 0, turn = 0; come < comeBytes; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        reader.read(size === 1 ? BYTE : Buffer.allocUnsafeSlow(size))
        come += size
      }
    }
    const taken = usedBytes() - before
    expect(all.every(({ midFrame }) => midFrame)).toBe(true)
    return taken / readers
  }

  const BYTE = Buffer.alloc(1)
  const KIBIBYTE = 1_024
  test.each([
    ['byte by byte', 200, [1]],
    ['in pieces of 1023 bytes', 500, [1_023]],
    ['in pieces of 1024 bytes', 500, [1_024]],
    ['in pieces of 1 and 1024 bytes by turns', 500, [1, 1_024]],
    ['in pieces of 65536 bytes', 200, [65_536]],
  ])('is taken for what has come, not for what was announced: %s', (_, readers, sizes) => {
    const comeBytes = 128 * KIBIBYTE
    const taken = bytesPerReader(readers, comeBytes, sizes)
    process.stderr.write(`    ${readers} readers with 128 KiB of 1 MiB each: ${(taken / KIBIBYTE).toFixed(0)} KiB a reader\n`)
    expect(taken).toBeGreaterThan(comeBytes * 0.99)
    expect(taken).toBeLessThan(comeBytes * 1.5)
  })
})
