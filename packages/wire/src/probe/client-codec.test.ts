import { describe, expect, test } from '@jest/globals'
import { ProtocolError, Rejected, WrongReply } from '../errors.ts'
import type { ClientEvents, ClientOptions } from '../protocol.ts'
import { ProbeClient } from './client-codec.ts'
import { encodeFrame, FrameType } from './frame.ts'
import { encodeMessage } from './message.ts'
import { ProbeServer } from './server-codec.ts'

const options: ClientOptions = { message: '张三', greeting: '', banner: false, maxMessage: 2 ** 20 }
const info = { server: 's', release: '1', listener: 'l', address: 'a', peer: 'p', connections: 1, limit: null }
const clock = { nowUs: () => 2 ** 33 + 5, stalledUs: () => 7 }

const newServer = () => new ProbeServer({ greeting: '', maxMessage: 2 ** 20 }, () => info, { clock })
const hello = encodeMessage(FrameType.hello, { version: 1, server: 's' })

function openClient(events: ClientEvents = {}, changed: Partial<ClientOptions> = {}): ProbeClient {
  const client = new ProbeClient({ ...options, ...changed }, events)
  client.receive(Buffer.from(hello))
  return client
}

function serve(...requests: Buffer[]): Buffer {
  const reply = newServer().receive(Buffer.concat(requests)) as Buffer | readonly Buffer[]
  return Buffer.concat([reply].flat())
}

/** Receives bytes in packets of this size, each of them overwritten once it has been read. */
function receive(client: ProbeClient, bytes: Buffer, packetBytes = bytes.length): number {
  let completed = 0
  for (let start = 0; start < bytes.length; start += packetBytes) {
    const packet = Buffer.from(bytes.subarray(start, start + packetBytes))
    completed += client.receive(packet)
    packet.fill(0xee)
  }
  return completed
}

function errorOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

/** The bytes with one bit inverted. */
function flipped(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[offset] = (copy[offset] ?? 0) ^ 1
  return copy
}

const content = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff))

describe('replies', () => {
  test.each([1, 5, 13, 1_000, 65_536])('of different sizes complete their requests, in packets of %i bytes', packetBytes => {
    const payloads = [content(0), content(1), content(70_000), content(32)]
    const client = openClient({}, { nextRequest: () => payloads.shift() ?? content(0) })
    const requests = [1, 2, 3, 4].map(() => client.request())
    expect(receive(client, serve(...requests), packetBytes)).toBe(4)
  })

  test('carry the times of the server', () => {
    const times: number[][] = []
    const client = openClient({ serverTimes: (...values) => times.push(values) })
    receive(client, serve(client.request(), client.request()), 7)
    expect(times).toEqual(Array(2).fill([2 ** 33 + 5, 2 ** 33 + 5, 7]))
  })

  test('without a request are wrong', () => {
    const client = openClient()
    const pong = serve(client.request())
    receive(client, pong)
    expect(() => receive(client, pong)).toThrow(new WrongReply(Buffer.alloc(0), Buffer.from('张三'), 'unexpected reply: '))
  })

  test('before a wrong one in the same read are counted', () => {
    const client = openClient()
    const pongs = serve(client.request(), client.request(), client.request())
    const oneBytes = pongs.length / 3
    expect(errorOf(() => receive(client, flipped(pongs, 2 * oneBytes + 9)))).toMatchObject({ completed: 2 })
  })
})

describe('one wrong bit', () => {
  const payload = content(300)
  const ask = () => {
    const client = openClient({}, { nextRequest: () => payload })
    return { client, ping: Buffer.from(client.request()) }
  }
  const window = (bytes: Buffer, offset: number) => {
    const start = Math.max(0, offset - 16)
    return JSON.stringify(bytes.toString('utf8', start, start + 64))
  }

  test.each([1, 50, 1_000])('in the payload, on the way from the server, in packets of %i bytes', packetBytes => {
    for (let offset = 0; offset < payload.length; offset += 7) {
      const { client, ping } = ask()
      const error = errorOf(() => receive(client, flipped(serve(ping), 9 + offset), packetBytes))
      const excerpts = `expected ${window(payload, offset)}, received ${window(flipped(payload, offset), offset)}`
      expect(error).toMatchObject({
        corrupted: 'from_server',
        message: `corrupted on the way from the server: at byte ${offset} of 300: ${excerpts}`,
      })
    }
  })

  test.each([1, 50, 1_000])('in the payload, on the way to the server, in packets of %i bytes', packetBytes => {
    for (let offset = 0; offset < payload.length; offset += 7) {
      const { client, ping } = ask()
      const error = errorOf(() => receive(client, serve(flipped(ping, 9 + offset)), packetBytes))
      const excerpts = `expected ${window(payload, offset)}, received ${window(flipped(payload, offset), offset)}`
      expect(error).toMatchObject({
        corrupted: 'to_server',
        message: `corrupted on the way to the server: at byte ${offset} of 300: ${excerpts}`,
      })
    }
  })

  test("in a PONG's trailer", () => {
    for (let offset = 309; offset < 333; offset++) {
      const { client, ping } = ask()
      const error = errorOf(() => receive(client, flipped(serve(ping), offset)))
      expect(error).toMatchObject({
        corrupted: 'from_server',
        message: expect.stringMatching(
          /^corrupted on the way from the server: expected "crc32 [0-9a-f]{8}", received "crc32 [0-9a-f]{8}"$/,
        ),
      })
    }
  })

  test("in a PING's checksum changes nothing in the reply", () => {
    const { client, ping } = ask()
    expect(receive(client, serve(flipped(ping, ping.length - 1)))).toBe(1)
  })

  test('in the id or the length of a PONG does not show the direction', () => {
    const wrong = (offset: number) => {
      const { client, ping } = ask()
      return errorOf(() => receive(client, flipped(serve(ping), offset)))
    }
    expect(wrong(8)).toMatchObject({ corrupted: undefined, message: expect.stringMatching(/^id 1 instead of 0: expected/) })
    expect(wrong(2)).toMatchObject({ message: expect.stringMatching(/^44 bytes instead of 300: expected/) })
    expect(wrong(4)).toMatchObject({ reason: 'frame_type', message: 'unexpected frame type 2' })
  })
})

describe('messages of the server', () => {
  const record = () => {
    const events: unknown[] = []
    const on =
      (name: string) =>
      (...values: unknown[]) =>
        void events.push([name, ...values])
    const handlers = { hello: on('hello'), goAway: on('goAway'), ended: on('ended'), totals: on('totals') }
    return { events, client: new ProbeClient(options, handlers) }
  }

  test.each([1, 1_000])('in one read are events in their order, in packets of %i bytes', packetBytes => {
    const { events, client } = record()
    const goAway = encodeMessage(FrameType.goAway, { reason: 'drain', graceMs: 5 })
    const ended = encodeMessage(FrameType.ended, { state: 'closed', reason: 'reset', finSeen: false, pings: '5', more: 1 })
    receive(client, Buffer.concat([hello, goAway, ended]), packetBytes)
    expect(events).toEqual([
      ['hello', { server: 's' }],
      ['goAway', 'drain', 5],
      ['ended', { state: 'closed', reason: 'reset', finSeen: false }],
    ])
  })

  test('a state of a later release is unknown', () => {
    const { events, client } = record()
    receive(client, Buffer.concat([hello, encodeMessage(FrameType.ended, { state: 'asleep' })]))
    expect(events[1]).toEqual(['ended', { state: 'unknown' }])
  })

  test('HELLO has all fields of the server', () => {
    const { events, client } = record()
    client.receive(newServer().open() as Buffer)
    expect(events).toEqual([['hello', info]])
  })

  const invalid: [name: string, bytes: Buffer, message: string][] = [
    ['PONG before HELLO', encodeFrame(FrameType.pong, 0, Buffer.alloc(24)), 'unexpected frame type 3'],
    ['two HELLOs', Buffer.concat([hello, hello]), 'unexpected frame type 1'],
    ['REJECT after HELLO', Buffer.concat([hello, encodeMessage(FrameType.reject, {})]), 'unexpected frame type 5'],
    ['a corrupt HELLO', flipped(hello, 10), 'invalid payload of frame type 1: invalid checksum'],
    ['HELLO without a name', encodeMessage(FrameType.hello, { version: 1 }), '"server" must be a string'],
    ['another version', encodeMessage(FrameType.hello, { version: 2 }), 'unsupported protocol version 2: must be 1'],
    ['no version', encodeMessage(FrameType.hello, {}), 'unsupported protocol version undefined: must be 1'],
    [
      'GOAWAY without a time',
      Buffer.concat([hello, encodeMessage(FrameType.goAway, { reason: '' })]),
      '"graceMs" must be a number',
    ],
    ['ENDED without a state', Buffer.concat([hello, encodeMessage(FrameType.ended, {})]), '"state" must be a string'],
  ]
  test.each(invalid)('%s is a protocol error', (_, bytes, message) => {
    for (const packetBytes of [1, 1_000]) {
      const error = errorOf(() => receive(new ProbeClient(options, {}), bytes, packetBytes))
      expect(error).toBeInstanceOf(ProtocolError)
      expect((error as Error).message).toContain(message)
    }
  })

  test('REJECT becomes an error with the reason, truncated to the length of a host name', () => {
    const reject = encodeMessage(FrameType.reject, { reason: 'x'.repeat(1_000), limit: 1 })
    expect(() => new ProbeClient(options, {}).receive(reject)).toThrow(new Rejected('x'.repeat(253)))
  })
})

test('LAST asks for an earlier connection, and the counters of both ends agree', () => {
  const events: unknown[] = []
  const client = openClient({ ended: value => events.push(value), totals: (...values) => events.push(values) })
  const server = newServer()
  const opened = server.open() as Buffer
  const sent = Buffer.concat([client.request(), client.last('b', 7), client.request(), client.goodbye()])
  const reply = Buffer.concat([server.receive(sent) as readonly Buffer[]].flat())
  expect(receive(client, reply, 20)).toBe(2)
  const [ended, [ours, theirs]] = events as [unknown, [object, object]]
  expect(ended).toEqual({ state: 'unknown' })
  const receivedBytes = reply.length - encodeMessage(FrameType.summary, theirs).length
  expect(ours).toEqual({ pings: 2, sentBytes: sent.length, receivedBytes: hello.length + receivedBytes, corrupt: 0 })
  expect(theirs).toEqual({ pings: 2, receivedBytes: sent.length, sentBytes: opened.length + receivedBytes, corrupt: 0 })
})
