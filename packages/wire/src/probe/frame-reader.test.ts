import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { ProtocolError } from '../errors.ts'
import { CRC_BYTES, encodeFrame, FrameType, HEADER_BYTES, MAX_JSON_BYTES, PONG_TRAILER_BYTES } from './frame.ts'
import { type FrameHandler, FrameReader } from './frame-reader.ts'

const MEBIBYTE = 2 ** 20

/** Bytes without repetition over short distances. */
const content = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff))

interface Seen {
  readonly type: number
  readonly id: number
  readonly payload: Buffer
  readonly trailer: Buffer
}

class Recorder implements FrameHandler {
  readonly seen: Seen[] = []
  #type = 0
  #id = 0
  #payloadBytes = 0
  #parts: Buffer[] = []

  begin(type: number, chunk: Buffer, offset: number, id: number, payloadBytes: number): void {
    if (chunk.readUInt32BE(offset + 5) !== id) throw new Error('the header is not where the handler was told')
    this.#type = type
    this.#id = id
    this.#payloadBytes = payloadBytes
    this.#parts = []
  }

  payload(chunk: Buffer, start: number, end: number): void {
    if (start >= end) throw new Error('an empty part of a payload')
    this.#parts.push(Buffer.from(chunk.subarray(start, end)))
  }

  end(chunk: Buffer, offset: number): void {
    const payload = Buffer.concat(this.#parts)
    const trailerBytes = this.#type === FrameType.pong ? PONG_TRAILER_BYTES : CRC_BYTES
    const trailer = Buffer.from(chunk.subarray(offset, offset + trailerBytes))
    if (payload.length !== this.#payloadBytes || trailer.length !== trailerBytes) throw new Error('an incomplete frame')
    this.seen.push({ type: this.#type, id: this.#id, payload, trailer })
  }
}

function newReader(maxPayloadBytes = MEBIBYTE): { reader: FrameReader; read: (chunk: Buffer) => void; seen: Seen[] } {
  const recorder = new Recorder()
  const reader = new FrameReader(maxPayloadBytes, recorder)
  return { reader, read: chunk => reader.read(reader.join(chunk)), seen: recorder.seen }
}

/** Reads chunks that end with a whole frame, each overwritten once it has been read. */
function readAll(chunks: readonly Buffer[]): Seen[] {
  const { reader, read, seen } = newReader()
  for (const chunk of chunks) {
    const copy = Buffer.from(chunk)
    read(copy)
    copy.fill(0xee)
  }
  if (reader.midFrame) throw new Error('an unfinished frame')
  return seen
}

function split(bytes: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  )
}

function frame(type: number, id: number, payload: Buffer): { bytes: Buffer; seen: Seen } {
  const bytes = type === FrameType.pong ? pong(id, payload) : encodeFrame(type, id, payload)
  return { bytes, seen: { type, id, payload, trailer: bytes.subarray(HEADER_BYTES + payload.length) } }
}

function pong(id: number, payload: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), payload, content(PONG_TRAILER_BYTES)])
  bytes.writeUInt32BE(bytes.length - 4)
  bytes[4] = FrameType.pong
  bytes.writeUInt32BE(id, 5)
  return bytes
}

const short = [
  frame(FrameType.ping, 2 ** 32 - 1, content(0)),
  frame(FrameType.pong, 0, content(3)),
  frame(FrameType.ping, 1, content(5)),
  frame(FrameType.pong, 2, content(0)),
]
const shortBytes = Buffer.concat(short.map(({ bytes }) => bytes))
const shortSeen = short.map(({ seen }) => seen)

test('frames are found across any two packet boundaries', () => {
  for (let first = 0; first <= shortBytes.length; first++) {
    for (let second = first; second <= shortBytes.length; second++) {
      const chunks = [shortBytes.subarray(0, first), shortBytes.subarray(first, second), shortBytes.subarray(second)]
      const seen = readAll(chunks.filter(chunk => chunk.length > 0))
      if (!isDeepStrictEqual(seen, shortSeen)) expect(seen).toEqual(shortSeen)
    }
  }
})

test.each([1, 2, 8, 9, 12, 13, 14, 1_023, 65_535, 65_536])(
  'frames of any length are found in packets of %i bytes',
  packetBytes => {
    const frames = [0, 1, 4, 1_011, 1_024, 5_000, 65_523, 65_536].map((length, id) =>
      frame(id % 2 === 0 ? FrameType.ping : FrameType.pong, id, content(length)),
    )
    const seen = readAll(split(Buffer.concat(frames.map(({ bytes }) => bytes)), packetBytes))
    expect(seen).toHaveLength(frames.length)
    expect(seen.every((each, index) => each.payload.equals(frames[index]?.seen.payload ?? Buffer.alloc(0)))).toBe(true)
  },
)

test('ends are counted before they are read, at any packet boundary', () => {
  const ends = short.map((_, index) => short.slice(0, index + 1).reduce((sum, { bytes }) => sum + bytes.length, 0))
  for (let first = 0; first <= shortBytes.length; first++) {
    const { reader } = newReader()
    const counted = [shortBytes.subarray(0, first), shortBytes.subarray(first)].map(chunk => {
      const bytes = reader.join(chunk)
      const count = reader.countEnds(bytes)
      reader.read(bytes)
      return count
    })
    expect(counted).toEqual([ends.filter(end => end <= first).length, ends.filter(end => end > first).length])
  }
})

describe('an invalid length is rejected when the header arrives', () => {
  const ping = 'invalid frame length %: must be from 9 to 109'
  const invalid: [name: string, type: number, length: number, reason: string, message: string][] = [
    ['0xffffffff', FrameType.ping, 0xffffffff, 'frame_too_long', ping],
    ['0x80000000', FrameType.ping, 0x80000000, 'frame_too_long', ping],
    ['one more than max-message allows', FrameType.ping, 110, 'frame_too_long', ping],
    ['one less than a header and a trailer', FrameType.ping, 8, 'frame_too_short', ping],
    ['0', FrameType.ping, 0, 'frame_too_short', ping],
    ['a PONG without times', FrameType.pong, 28, 'frame_too_short', 'invalid frame length %: must be from 29 to 129'],
    ['a PONG over max-message', FrameType.pong, 130, 'frame_too_long', 'invalid frame length %: must be from 29 to 129'],
    ['JSON over its own limit', FrameType.hello, 16_394, 'frame_too_long', 'invalid frame length %: must be from 9 to 16393'],
  ]
  test.each(invalid)('%s', (_, type, length, reason, message) => {
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt32BE(length)
    header[4] = type
    for (const chunks of [[header], split(header, 1), [Buffer.concat([header, content(50)])]]) {
      const { read, seen } = newReader(100)
      const readChunks = () => {
        for (const chunk of chunks) read(chunk)
      }
      expect(readChunks).toThrow(new ProtocolError(reason as ProtocolError['reason'], message.replace('%', String(length))))
      expect(seen).toEqual([])
    }
  })

  test('the longest and the shortest frames are accepted', () => {
    const { read, seen } = newReader(100)
    const frames = [
      frame(FrameType.ping, 1, content(100)),
      frame(FrameType.ping, 2, content(0)),
      frame(FrameType.pong, 3, content(100)),
      frame(FrameType.hello, 4, content(MAX_JSON_BYTES)),
    ]
    for (const { bytes } of frames) read(bytes)
    expect(seen).toEqual(frames.map(each => each.seen))
  })

  test('after the valid frames before it', () => {
    const { read, seen } = newReader(100)
    const { bytes, seen: expected } = frame(FrameType.ping, 1, content(3))
    expect(() => read(Buffer.concat([bytes, Buffer.alloc(HEADER_BYTES, 0xff)]))).toThrow(ProtocolError)
    expect(seen).toEqual([expected])
  })
})
