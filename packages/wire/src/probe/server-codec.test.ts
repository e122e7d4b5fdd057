import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { ProtocolError } from '../errors.ts'
import type { Bytes, EndedConnection, ServerContext } from '../protocol.ts'
import { encodeFrame, FrameType } from './frame.ts'
import { encodeMessage } from './message.ts'
import { ProbeServer } from './server-codec.ts'

const MEBIBYTE = 2 ** 20
const info = { server: 's', release: '1', listener: 'l', address: 'a', peer: 'p', connections: 1, limit: null }

/** A clock that stands still: every PONG has the same times. */
const clock = { nowUs: () => 2 ** 33 + 5, stalledUs: () => 7 }

const newServer = (context: ServerContext = { clock }) =>
  new ProbeServer({ greeting: '', maxMessage: MEBIBYTE }, () => info, context)

/** Bytes without repetition over short distances. */
const content = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff))

const ping = (id: number, payload: Buffer, crc = crc32(payload)) => encodeFrame(FrameType.ping, id, payload, crc)

/** The PONG as docs/protocol.md describes it, at the time of the clock above. */
function pong(id: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9)
  header.writeUInt32BE(5 + payload.length + 24)
  header[4] = FrameType.pong
  header.writeUInt32BE(id, 5)
  const times = Buffer.from('0000000200000005 0000000200000005 00000007'.replaceAll(' ', ''), 'hex')
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(Buffer.concat([payload, times])))
  return Buffer.concat([header, payload, times, crc])
}

const concat = (reply: Bytes | undefined) => Buffer.concat([(reply as Buffer | readonly Buffer[] | undefined) ?? []].flat())

/** The replies to bytes that arrive in packets of this size, each in separate memory, like reads. */
function replies(server: ProbeServer, bytes: Buffer, packetBytes = bytes.length): Buffer {
  const received: Buffer[] = []
  for (let start = 0; start < bytes.length; start += packetBytes) {
    received.push(concat(server.receive(Buffer.from(bytes.subarray(start, start + packetBytes)))))
  }
  return Buffer.concat(received)
}

const conversations: [name: string, payloads: Buffer[]][] = [
  ['an empty payload', [content(0)]],
  ['small payloads', [content(3), content(0), content(32), content(1)]],
  ['small and large payloads', [content(5), content(70_000), content(1), content(8_192), content(8_191)]],
]

describe.each(conversations)('%s', (_, payloads) => {
  const pings = Buffer.concat(payloads.map((payload, id) => ping(2 ** 32 - 1 - id, payload)))
  const pongs = Buffer.concat(payloads.map((payload, id) => pong(2 ** 32 - 1 - id, payload)))
  const { length } = pings

  test.each([1, 2, 8, 9, 12, 13, 14, 1_000, 65_536, length])('in packets of %i bytes', packetBytes => {
    const server = newServer()
    expect(replies(server, pings, packetBytes).equals(pongs)).toBe(true)
    expect([server.messages, server.corrupt, server.midMessage]).toEqual([payloads.length, 0, false])
  })
})

describe('the reply to one read', () => {
  test('is one buffer for many small PINGs', () => {
    const reply = newServer().receive(Buffer.concat(Array.from({ length: 1_000 }, (_, id) => ping(id, content(32)))))
    expect(Buffer.isBuffer(reply)).toBe(true)
    expect(concat(reply)).toEqual(Buffer.concat(Array.from({ length: 1_000 }, (_, id) => pong(id, content(32)))))
  })

  test('shares the memory of large PINGs', () => {
    const payload = content(20_000)
    const chunk = Buffer.concat([ping(1, payload), ping(2, payload)])
    const reply = newServer().receive(chunk) as readonly Buffer[]
    expect(reply.map(({ length }) => length)).toEqual([20_009, 24, 20_009, 24])
    expect(reply.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true, false, true, false])
  })

  test('is the read itself inside a large PING', () => {
    const server = newServer()
    const frame = ping(1, content(200_000))
    server.receive(Buffer.from(frame.subarray(0, 65_536)))
    const chunk = Buffer.from(frame.subarray(65_536, 131_072))
    const reply = server.receive(chunk) as Buffer
    expect([reply.buffer, reply.byteOffset, reply.length]).toEqual([chunk.buffer, chunk.byteOffset, chunk.length])
  })
})

test('the times are those of the read that ended the PING and of the reply', () => {
  let nowUs = 1_000
  const server = newServer({ clock: { nowUs: () => nowUs++, stalledUs: () => nowUs * 10 } })
  const frame = ping(1, content(10))
  server.receive(Buffer.from(frame.subarray(0, 15)))
  const trailer = concat(server.receive(Buffer.from(frame.subarray(15)))).subarray(-24)
  expect([trailer.readBigUInt64BE(0), trailer.readBigUInt64BE(8), trailer.readUInt32BE(16)]).toEqual([1_001n, 1_002n, 10_020])
})

test('without a clock the times are those of the process', () => {
  const nowUs = () => Math.floor(performance.now() * 1_000)
  const beforeUs = nowUs()
  const trailer = concat(newServer({}).receive(ping(1, content(10)))).subarray(-24)
  const [receivedUs, sentUs] = [Number(trailer.readBigUInt64BE(0)), Number(trailer.readBigUInt64BE(8))]
  const timesUs = [beforeUs, receivedUs, sentUs, nowUs()]
  expect(timesUs).toEqual(timesUs.toSorted((one, other) => one - other))
})

test('a corrupt PING is counted, and returned as received under a valid checksum', () => {
  const server = newServer()
  const corrupt = ping(1, content(10), 0x12345678)
  expect(replies(server, Buffer.concat([corrupt, ping(2, content(3))]), 5)).toEqual(
    Buffer.concat([pong(1, content(10)), pong(2, content(3))]),
  )
  expect([server.messages, server.corrupt]).toEqual([2, 1])
})

const violations: [name: string, bytes: Buffer, reason: string, message: string][] = [
  ['an invalid length', Buffer.alloc(9, 0xff), 'frame_too_long', 'invalid frame length 4294967295: must be from 9 to 16393'],
  ['zeros', Buffer.alloc(9), 'frame_too_short', 'invalid frame length 0: must be from 9 to 16393'],
  ["a server's frame", encodeMessage(FrameType.hello, {}), 'frame_type', 'unexpected frame type 1'],
  ['an unknown type', encodeMessage(99, {}), 'frame_type', 'unexpected frame type 99'],
  ['LAST without JSON', encodeFrame(FrameType.last, 0, Buffer.from('{')), 'frame_payload', 'must be a JSON object'],
  ['LAST with an array', encodeMessage(FrameType.last, []), 'frame_payload', '"boot" must be a string'],
  ['LAST with null', encodeFrame(FrameType.last, 0, Buffer.from('null')), 'frame_payload', 'must be a JSON object'],
  ['LAST without boot', encodeMessage(FrameType.last, { connection: 1 }), 'frame_payload', '"boot" must be a string'],
  ['LAST without connection', encodeMessage(FrameType.last, { boot: 'b' }), 'frame_payload', '"connection" must be a number'],
  ['a corrupt LAST', encodeFrame(FrameType.last, 0, Buffer.from('{}'), 1), 'frame_payload', 'invalid checksum'],
  ['a corrupt BYE', encodeFrame(FrameType.bye, 0, Buffer.alloc(0), 1), 'frame_payload', 'invalid checksum'],
]

test.each(violations)('PINGs before %s in one read are answered', (_, bytes, reason, message) => {
  const server = newServer()
  let error: unknown
  try {
    server.receive(Buffer.concat([ping(1, content(3)), ping(2, content(4)), bytes]))
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ProtocolError)
  expect(error).toMatchObject({ reason, message: expect.stringContaining(message) })
  expect(concat((error as ProtocolError).reply)).toEqual(Buffer.concat([pong(1, content(3)), pong(2, content(4))]))
  expect(server.messages).toBe(2)
  // The shared reply is empty again.
  expect(concat(newServer().receive(ping(5, content(1))))).toEqual(pong(5, content(1)))
})

describe('GOAWAY', () => {
  const goAway = encodeMessage(FrameType.goAway, { reason: 'drain', graceMs: 5 })

  test('is sent immediately between two PINGs, even within a header', () => {
    const server = newServer()
    expect(server.goAway('drain', 5)).toEqual(goAway)
    server.receive(ping(1, content(3)).subarray(0, 8))
    expect(server.goAway('drain', 5)).toEqual(goAway)
  })

  test('follows a PONG that is being forwarded', () => {
    const frame = ping(1, content(100))
    for (let split = 9; split < frame.length; split++) {
      const server = newServer()
      const first = concat(server.receive(Buffer.from(frame.subarray(0, split))))
      expect(concat(server.goAway('drain', 5))).toHaveLength(0)
      const second = concat(server.receive(Buffer.concat([frame.subarray(split), ping(2, content(1))])))
      expect(Buffer.concat([first, second])).toEqual(Buffer.concat([pong(1, content(100)), goAway, pong(2, content(1))]))
    }
  })
})

describe('LAST', () => {
  const last = encodeMessage(FrameType.last, { boot: 'b', connection: 7 })
  const pings = [ping(1, content(3)), ping(2, content(4))]
  const conversation = Buffer.concat([pings[0] ?? last, last, pings[1] ?? last])

  test.each([1, 10, conversation.length])('is answered in its turn, in packets of %i bytes', packetBytes => {
    const ended: EndedConnection = { state: 'closed', reason: 'reset', resetSeen: true, pings: 5, agoMs: 1_000 }
    const asked: unknown[] = []
    const server = newServer({
      clock,
      lookUp(...question) {
        asked.push(question)
        return ended
      },
    })
    const expected = [pong(1, content(3)), encodeMessage(FrameType.ended, ended), pong(2, content(4))]
    expect(replies(server, conversation, packetBytes)).toEqual(Buffer.concat(expected))
    expect(asked).toEqual([['b', 7]])
  })

  test('gets the state unknown from a server that keeps no record', () => {
    expect(replies(newServer(), last)).toEqual(encodeMessage(FrameType.ended, { state: 'unknown' }))
  })
})

describe('BYE', () => {
  const bye = encodeFrame(FrameType.bye, 0, Buffer.alloc(0))

  test.each([1, 7, 1_000])('is answered by the counters of the connection, in packets of %i bytes', packetBytes => {
    const server = newServer()
    const hello = server.open() as Buffer
    const sent = Buffer.concat([ping(1, content(3)), ping(2, content(9), 1), bye])
    const pongs = [pong(1, content(3)), pong(2, content(9))]
    const goAway = server.goAway('drain', 5) as Buffer
    const sentBytes = Buffer.concat([hello, goAway, ...pongs]).length
    const summary = encodeMessage(FrameType.summary, { pings: 2, receivedBytes: sent.length, sentBytes, corrupt: 1 })
    expect(replies(server, sent, packetBytes)).toEqual(Buffer.concat([...pongs, summary]))
    expect(server.finished).toBe(true)
  })

  test('is the last frame', () => {
    const error = new ProtocolError('frame_type', 'unexpected frame type 2 after BYE')
    expect(() => newServer().receive(Buffer.concat([bye, ping(1, content(1))]))).toThrow(error)
  })
})

describe('memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')

  function usedBytes(): number {
    // One collection frees what the one before has found.
    for (let turn = 0; turn < 3; turn++) collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }

  test.each([1, 1_023, 65_536])('of an unfinished PING of 1 MiB in packets of %i bytes stays below 1 KiB', packetBytes => {
    const frame = ping(1, Buffer.alloc(MEBIBYTE))
    const receivedBytes = Math.min(frame.length - 1, packetBytes * 100)
    const servers = Array.from({ length: 499 }, () => newServer())
    const before = usedBytes()
    for (let start = 0; start < receivedBytes; start += packetBytes) {
      const packet = frame.subarray(start, Math.min(start + packetBytes, receivedBytes))
      for (const server of servers) server.receive(Buffer.from(packet))
    }
    const usedPerServer = (usedBytes() - before) / servers.length
    expect(servers.every(({ midMessage }) => midMessage)).toBe(true)
    expect(usedPerServer).toBeLessThan(1_024)
  })

  test('of an unfinished LAST is what has arrived', () => {
    const frame = encodeFrame(FrameType.last, 0, Buffer.alloc(16_000, ' '))
    const servers = Array.from({ length: 499 }, () => newServer())
    const before = usedBytes()
    for (const server of servers) for (const byte of frame.subarray(0, 109)) server.receive(Buffer.of(byte))
    expect((usedBytes() - before) / servers.length).toBeLessThan(1_024)
  })
})
