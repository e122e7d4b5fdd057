import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Bytes, ProtocolError, protocols, type ServerCodec } from '@nihao/wire'
import { Peer } from '../../../../tests/process/support/peer.ts'
import { DEADLINE_MS, until } from '../../../../tests/process/support/until.ts'
import { BufferBudget } from '../limits/buffer-budget.ts'
import { Connection, type ConnectionOwner, now } from './connection.ts'
import { Output } from './output.ts'
import { peerOf } from './peer.ts'
import type { ConnectionReport } from './report.ts'
import { supervise } from './supervise.ts'

const MEBIBYTE = 2 ** 20
const limits: ConnectionOwner['limits'] = {
  idleTimeout: 0,
  slowReaderTimeout: 0,
  maxAge: 0,
  maxBuffered: 128 * 1_024,
  keepAlive: 0,
}

const unlimited = new BufferBudget(Number.POSITIVE_INFINITY, () => {})

let server: Server
let connections: Connection[]
let peers: Peer[]
let reports: ConnectionReport[]
let serve: (socket: Socket) => void

beforeEach(async () => {
  connections = []
  peers = []
  reports = []
  server = createServer({ allowHalfOpen: true, noDelay: true }, socket => serve(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  for (const connection of connections) if (!reports.some(({ peer }) => peer === connection.peer)) connection.terminate('error')
  // The server closes before the last socket does; a late report would be that of the next test.
  await until('all reports', () => reports.length === connections.length)
  for (const { socket } of peers) socket.destroy()
  await new Promise(resolve => server.close(resolve))
})

/**
 * A connection of this codec and the peer on its other end.
 * @param afterRead called when a read has been answered
 */
async function connect(
  codec: ServerCodec,
  { reading = true, maxBuffered = limits.maxBuffered, budget = unlimited, afterRead = (_: Connection) => {} } = {},
): Promise<[Connection, Peer]> {
  const accepted = Promise.withResolvers<Connection>()
  serve = socket => {
    const owner = {
      label: 'test:1',
      limits: { ...limits, maxBuffered },
      budget,
      closed: (_: Connection, report: ConnectionReport) => void reports.push(report),
    }
    const parts = {
      id: 1,
      socket,
      output: new Output(socket),
      peer: peerOf(socket),
      codec,
      opening: codec.open?.(),
      acceptedAtMs: now(),
    }
    const connection = new Connection(owner, parts)
    socket.on('data', () => afterRead(connection))
    connections.push(connection)
    accepted.resolve(connection)
  }
  const peer = await Peer.connect((server.address() as AddressInfo).port, { reading })
  peers.push(peer)
  return [await accepted.promise, peer]
}

const closed = () => until('the report', () => reports[0])

const codecOf = (receive: (chunk: Buffer) => Bytes | undefined): ServerCodec => ({ messages: 0, midMessage: false, receive })
const codecOptions = { greeting: 'hello ', maxMessage: MEBIBYTE }
const echo = () => protocols.echo.serverCodec(codecOptions, () => ({}) as never)

/** Sends more than the kernel holds and waits until the connection neither reads nor sends. */
async function block(connection: Connection, peer: Peer): Promise<void> {
  peer.send(Buffer.alloc(64 * MEBIBYTE, 'x'))
  await until('a pause', () => connection.readPauses > 0)
  let movedBytes = -1
  await until('nothing to move', () => {
    const isStill = movedBytes === connection.movedBytes && connection.bufferedBytes > 0
    movedBytes = connection.movedBytes
    return isStill
  })
}

/** Waits, without running the event loop, until the kernel has reset the server's end of a connection as well. */
function untilReset(peer: Peer): void {
  const port = (of: number) => of.toString(16).toUpperCase().padStart(4, '0')
  const row = `:${port((server.address() as AddressInfo).port)} 0100007F:${port(peer.port)} 01 `
  const deadlineMs = performance.now() + DEADLINE_MS
  while (process.platform === 'linux' && readFileSync('/proc/net/tcp', 'latin1').includes(row)) {
    if (performance.now() > deadlineMs) throw new Error('the connection is still open')
  }
}

describe('an error', () => {
  test('that is unexpected terminates only its own connection, with its stack in the report', async () => {
    const [, other] = await connect(echo())
    const [, peer] = await connect(
      codecOf(() => {
        throw new RangeError('Invalid string length')
      }),
    )
    peer.send('x')
    await until('the end', () => peer.closed || peer.fin)
    const report = await closed()
    expect(report).toMatchObject({ reason: 'error', unexpected: true, receivedBytes: 1, sentBytes: 0, unsentBytes: 0 })
    expect(report.error).toBeInstanceOf(RangeError)
    expect(report.error?.stack).toContain('connection.test.ts')
    await other.ask('still here', 'still here')
  })

  test.each(['goAway', 'produce'] as const)('in %s does the same', async method => {
    let calls = 0
    const codec = {
      ...codecOf(() => undefined),
      [method]: () => {
        if (calls++ === 0) return Buffer.from('.')
        throw new TypeError('no')
      },
    }
    const [connection] = await connect(codec)
    if (method === 'goAway') {
      connection.drain('drained', 0)
      connection.drain('drained', 0)
    }
    expect(await closed()).toMatchObject({ reason: 'error', unexpected: true })
  })

  test('of the protocol ends the connection after the replies to earlier messages', async () => {
    const codec = codecOf(chunk => {
      if (chunk.includes('bad')) throw new ProtocolError('frame_type', 'bad')
      return chunk
    })
    const [, peer] = await connect(codec)
    await peer.ask('good', 'good')
    peer.send('bad')
    await peer.finished()
    peer.end()
    expect(await closed()).toMatchObject({ reason: 'protocol_error', unexpected: false, sentBytes: 4, receivedBytes: 7 })
  })
})

describe('backpressure', () => {
  test.each([16 * 1_024, 8 * MEBIBYTE])('reading pauses above %d buffered bytes, after one reply at most', async maxBuffered => {
    let maxBytes = 0
    const afterRead = ({ bufferedBytes }: Connection) => {
      maxBytes = Math.max(maxBytes, bufferedBytes)
    }
    const [connection, peer] = await connect(echo(), { reading: false, maxBuffered, afterRead })
    await block(connection, peer)
    // The kernel may have accepted some of them since.
    expect(maxBytes).toBeGreaterThan(maxBuffered)
    expect(maxBytes).toBeLessThanOrEqual(maxBuffered + 65_536)
    await peer[Symbol.asyncDispose]()
    await closed()
  })

  test('every byte arrives once and in order when the peer resumes, for all forms of replies', async () => {
    let turn = 0
    const codec = codecOf(chunk => {
      turn++
      if (turn % 3 === 0) return chunk.toString('latin1')
      return turn % 3 === 1 ? chunk : [chunk.subarray(0, 1), chunk.subarray(1, 10), chunk.subarray(10)]
    })
    const [connection, peer] = await connect(codec, { reading: false })
    const bytes = Buffer.alloc(32 * MEBIBYTE)
    for (let index = 0; index < bytes.length; index += 4) bytes.writeUInt32LE(index, index)
    peer.send(bytes)
    peer.end()
    await until('a pause', () => connection.readPauses > 0)
    peer.read()
    await peer.finished()
    const hash = (content: Buffer) => createHash('sha256').update(content).digest('hex')
    expect(hash(peer.bytes)).toBe(hash(bytes))
    const report = await closed()
    expect(report).toMatchObject({
      reason: 'client_closed',
      sentBytes: bytes.length,
      receivedBytes: bytes.length,
      unsentBytes: 0,
    })
    expect(report.readPauses).toBeGreaterThan(0)
  })

  test('chargen produces no faster than the peer reads', async () => {
    const [connection, peer] = await connect(
      protocols.chargen.serverCodec(codecOptions, () => ({}) as never),
      { reading: false },
    )
    const counts = ({ sentBytes, bufferedBytes }: Connection) => [sentBytes, bufferedBytes]
    await until('the kernel to be full', async () => {
      const before = counts(connection)
      for (let turns = 0; turns < 100; turns++) await turn()
      // One block of the pattern.
      expect(connection.bufferedBytes).toBeLessThanOrEqual(95 * 74)
      return connection.waitingBytes > 0 && isDeepStrictEqual(counts(connection), before)
    })
    const { sentBytes } = connection
    peer.read()
    await until('more', () => connection.sentBytes > 2 * sentBytes)
    await peer[Symbol.asyncDispose]()
    await closed()
  })
})

describe('the reply to a full read in the middle of a message', () => {
  const start = Buffer.alloc(65_536, 's')
  const rest = Buffer.from('the rest')
  const connectMidMessage = () => connect({ ...echo(), midMessage: true, receive: chunk => chunk })

  test('waits for the next reply: one write sends both', async () => {
    const [connection, peer] = await connectMidMessage()
    connection.received(start)
    expect([connection.bufferedBytes, connection.sentBytes]).toEqual([start.length, 0])
    connection.received(rest)
    expect([connection.bufferedBytes, connection.sentBytes]).toEqual([0, start.length + rest.length])
    await peer.receives(`${start}${rest}`)
  })

  test('is sent alone if no more has arrived', async () => {
    const [, peer] = await connectMidMessage()
    peer.send(start)
    await peer.receives(`${start}`)
  })

  test('is sent before the end of the connection', async () => {
    const [connection, peer] = await connectMidMessage()
    connection.received(start)
    connection.end('idle_timeout')
    await peer.finished()
    expect(peer.text).toBe(`${start}`)
    peer.end()
    expect(await closed()).toMatchObject({ sentBytes: start.length, unsentBytes: 0 })
  })

  test('counts as unsent if the connection is terminated first', async () => {
    const [connection] = await connectMidMessage()
    connection.received(start)
    connection.terminate('drain_timeout')
    expect(await closed()).toMatchObject({ sentBytes: 0, unsentBytes: start.length })
  })
})

describe('the counts at the end', () => {
  test('after a reset by the peer are those from before it, including unsent bytes', async () => {
    const [connection, peer] = await connect(echo(), { reading: false })
    await block(connection, peer)
    const { sentBytes, bufferedBytes } = connection
    expect(bufferedBytes).toBeGreaterThan(0)
    peer.reset()
    const report = await closed()
    expect(report).toMatchObject({ reason: 'reset', sentBytes, unsentBytes: bufferedBytes })
  })

  test('after a reset by the server are those from before it too', async () => {
    const [connection, peer] = await connect(echo(), { reading: false })
    await block(connection, peer)
    const { sentBytes, bufferedBytes } = connection
    connection.terminate('slow_reader')
    expect(await closed()).toMatchObject({ reason: 'slow_reader', sentBytes, unsentBytes: bufferedBytes })
    expect(connection.sentBytes).toBe(sentBytes)
    await peer[Symbol.asyncDispose]()
  })

  test('a write that fails at once counts as unsent', async () => {
    const [connection, peer] = await connect(codecOf(chunk => (chunk.includes('fail') ? 'y'.repeat(100) : chunk)))
    await peer.ask('hello', 'hello')
    peer.reset()
    untilReset(peer)
    // Before the event loop polls, and so before the server notices the reset.
    connection.received(Buffer.from('fail'))
    connection.received(Buffer.from('again'))
    expect(await closed()).toMatchObject({ reason: 'reset', sentBytes: 5, unsentBytes: 105 })
  })
})

describe('a half-close', () => {
  test('by the peer is answered by one after the last reply', async () => {
    const [, peer] = await connect(echo())
    peer.send('all of it')
    peer.end()
    await peer.receives('all of it')
    await peer.finished()
    expect(await closed()).toMatchObject({ reason: 'client_closed', unansweredBytes: 0 })
  })

  test('by the server: later bytes are not answered, but counted', async () => {
    const [connection, peer] = await connect(echo())
    await peer.ask('in time', 'in time')
    connection.end('idle_timeout')
    await peer.finished()
    peer.send('too late')
    peer.end()
    expect(await closed()).toMatchObject({ reason: 'idle_timeout', unansweredBytes: 8, receivedBytes: 15, sentBytes: 7 })
  })
})

test('a draining connection ends after its next reply, but not within a message', async () => {
  const [connection, peer] = await connect(protocols.greet.serverCodec(codecOptions, () => ({}) as never))
  connection.drain('drained', 0)
  await peer.ask('half', 'hello half')
  await peer.ask(' of it', ' of it')
  expect(peer.fin).toBe(false)
  await peer.ask('\n', '\n')
  await peer.finished()
  peer.end()
  expect(await closed()).toMatchObject({ reason: 'drained', messages: 1, listener: 'test:1' })
})

test('a sweep that finds more held than max-buffered-total terminates slow readers, although each holds little', async () => {
  const budget = new BufferBudget(1_024, () => {})
  const [connection] = await connect(
    codecOf(() => Buffer.alloc(4_096)),
    { reading: false, budget },
  )
  budget.cover(connections)
  while (connection.bufferedBytes === 0) connection.received(Buffer.from('x'))
  expect(budget.bytes).toBe(0)
  supervise(connection, now())
  expect(await closed()).toMatchObject({ reason: 'slow_reader' })
  expect(budget.bytes).toBe(0)
})

test('an unexpected error in a check ends that connection only', async () => {
  const [connection, peer] = await connect({
    ...codecOf(chunk => chunk),
    get goAway(): never {
      throw new TypeError('no')
    },
  })
  supervise(connection, now())
  connection.drain('drained', 0)
  expect(await closed()).toMatchObject({ reason: 'error', unexpected: true })
  await until('the end', () => peer.closed || peer.fin)
})
