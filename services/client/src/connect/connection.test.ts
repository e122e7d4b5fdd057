import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type ProtocolName, protocols } from '@nihao/wire'
import type { Failure } from '../failure.ts'
import { Connection } from './connection.ts'
import type { ConnectionEvents, ConnectionStatistics, Exchange } from './connection-events.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

interface Closed {
  readonly failure: Failure | undefined
  readonly lost: readonly Exchange[]
}

const statistics: ConnectionStatistics = { answered() {}, closed() {}, helloReceived() {}, compared() {} }

/** A connection over a real socket, and the server's end of it: a bare socket that does only what a test has it do. */
async function pair(
  protocol: ProtocolName,
  options: { message?: string; greeting?: string } = {},
  where: object = { host: '127.0.0.1', port: 0 },
) {
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accepted.resolve).listen(where)
  await once(server, 'listening')
  const bound = server.address() as AddressInfo | string
  const to = typeof bound === 'string' ? { path: bound } : { host: '127.0.0.1', port: bound.port }
  const socket = connect({ ...to, allowHalfOpen: true })
  await once(socket, 'connect')
  const peer = (await accepted.promise).on('error', () => {})
  cleanUps.push(() => {
    socket.destroy()
    peer.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  const answered: { exchange: Exchange; roundTripMs: number }[] = []
  const closed = Promise.withResolvers<Closed>()
  const clientOptions = { message: 'ping', greeting: 'hello ', banner: false, maxMessage: 1_000, ...options }
  const events: ConnectionEvents = {
    answered: (_, exchange, roundTripMs) => answered.push({ exchange, roundTripMs }),
    closed: (_, failure, lost) => closed.resolve({ failure, lost }),
  }
  const connection = new Connection(socket, events => protocols[protocol].clientCodec(clientOptions, events), statistics)
  connection.owner = events
  return { connection, peer, answered, closed: closed.promise, localPort: socket.localPort, port: peer.localPort }
}

/** The address of a new Unix socket: bytes written to one have arrived when the write returns. */
function unixSocket(): { path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  return { path: join(folder, 'socket') }
}

/** A frame of the probe protocol whose payload is JSON. */
function frame(type: number, message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message))
  const frame = Buffer.alloc(13 + payload.length)
  frame.writeUInt32BE(9 + payload.length, 0)
  frame[4] = type
  frame.set(payload, 9)
  frame.writeUInt32BE(crc32(payload), 9 + payload.length)
  return frame
}

/** Sends exchanges with these time limits. */
function send(connection: Connection, ...timeoutsMs: number[]): Exchange[] {
  return timeoutsMs.map(timeoutMs => {
    const intendedMs = performance.now()
    const exchange = { intendedMs, deadlineMs: intendedMs + timeoutMs, sentMs: 0 }
    connection.send(exchange)
    return exchange
  })
}

async function until(what: string, reached: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  while (!reached()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`)
    await delay(1)
  }
}

/** Keeps the event loop busy, as a machine without a free core would. */
function keepBusy(durationMs: number): void {
  for (const endMs = performance.now() + durationMs; performance.now() < endMs; );
}

/** Reads what comes, and gives it as it grows. */
function reading(peer: Socket): { text: string; fin: boolean } {
  const read = { text: '', fin: false }
  peer.on('data', chunk => {
    read.text += chunk
  })
  peer.on('end', () => {
    read.fin = true
  })
  return read
}

describe('exchanges on a connection', () => {
  test('are answered in the order in which they were sent, however the replies are split', async () => {
    const { connection, peer, answered } = await pair('greet')
    const read = reading(peer)
    const exchanges = send(connection, 60_000, 60_000, 60_000)
    await until('three requests', () => read.text === 'ping\nping\nping\n')
    expect(connection.outstanding).toBe(3)
    peer.write('hello ping\nhello pi')
    await until('one reply', () => answered.length > 0)
    expect([answered.length, connection.answered, connection.outstanding]).toEqual([1, 1, 2])
    peer.write('ng\nhello ping\n')
    await until('three replies', () => answered.length === 3)
    expect(answered.map(({ exchange }) => exchange)).toEqual(exchanges)
    expect([connection.answered, connection.outstanding]).toEqual([3, 0])
  })

  test('are measured from the time of sending', async () => {
    const { connection, peer, answered } = await pair('echo')
    const [first] = send(connection, 60_000)
    await once(peer, 'data')
    await delay(30)
    const waitedMs = performance.now() - (first?.sentMs ?? Number.NaN)
    peer.write('ping\n')
    await until('the reply', () => answered.length === 1)
    expect(answered[0]?.roundTripMs).toBeGreaterThanOrEqual(waitedMs)
    expect(answered[0]?.roundTripMs).toBeLessThanOrEqual(performance.now() - (first?.sentMs ?? Number.NaN))
  })

  test('are counted to the byte, even after the end', async () => {
    const { connection, peer, answered, closed } = await pair('greet', { message: '张三', greeting: '你好，' })
    reading(peer)
    send(connection, 60_000, 60_000)
    peer.write('你好，张三\n你好，张三\n')
    await until('both replies', () => answered.length === 2)
    const counters = { sentBytes: 14, receivedBytes: 32, answered: 2 }
    expect(connection).toMatchObject(counters)
    peer.resetAndDestroy()
    await closed
    expect(connection).toMatchObject(counters)
  })

  test('have local and remote addresses', async () => {
    const { connection, localPort, port } = await pair('echo')
    expect(connection).toMatchObject({ localAddress: `127.0.0.1:${localPort}`, remoteAddress: `127.0.0.1:${port}` })
  })

  test('over a Unix socket have no addresses', async () => {
    const { connection, peer, answered } = await pair('echo', {}, unixSocket())
    expect(connection).toMatchObject({ localAddress: undefined, remoteAddress: 'unix' })
    send(connection, 60_000)
    peer.write('ping\n')
    await until('the reply', () => answered.length === 1)
  })
})

describe('a connection fails, and its outstanding exchanges are lost,', () => {
  test('when a reply is late, including those not yet due', async () => {
    const { connection, answered, closed, peer } = await pair('echo')
    peer.resume()
    const exchanges = send(connection, 50, 60_000, 60_000)
    expect(await closed).toEqual({ failure: { reason: 'timeout' }, lost: exchanges })
    expect(performance.now()).toBeGreaterThanOrEqual(exchanges[0]?.deadlineMs ?? Number.NaN)
    expect(answered).toEqual([])
  })

  test('when the last of several replies is late and the others were in time', async () => {
    const { connection, answered, closed, peer } = await pair('echo', {}, unixSocket())
    const exchanges = send(connection, 100, 100, 100)
    peer.write('ping\nping\npi')
    expect(await closed).toEqual({ failure: { reason: 'timeout' }, lost: exchanges.slice(2) })
    expect(answered).toHaveLength(2)
  })

  test.each([
    ['other bytes', 'pong\n', '"ping\\n"', '"pong\\n"'],
    ['other bytes in the middle', 'pi\nng\n', '"ping\\n"', '"pi\\nng\\n"'],
  ])('when it brings %s', async (_, reply, expected, received) => {
    const { connection, closed, peer } = await pair('echo')
    const exchanges = send(connection, 60_000, 60_000)
    peer.write(reply)
    const { failure, lost } = await closed
    expect(failure?.reason).toBe('mismatch')
    expect(failure?.error?.message).toContain(`expected ${expected}, received ${received}`)
    expect(lost).toEqual(exchanges)
  })

  test('when a wrong reply follows correct ones in one read, which still count', async () => {
    const { connection, answered, closed, peer } = await pair('echo')
    const exchanges = send(connection, 60_000, 60_000, 60_000)
    peer.write('ping\nping\npong\n')
    const { failure, lost } = await closed
    expect([failure?.reason, lost]).toEqual(['mismatch', exchanges.slice(2)])
    expect([answered.length, connection.answered]).toEqual([2, 2])
  })

  test('when unexpected bytes arrive', async () => {
    const { closed, peer } = await pair('echo')
    peer.write('welcome\n')
    const { failure, lost } = await closed
    expect([failure?.reason, failure?.error?.message, lost]).toEqual(['mismatch', 'expected nothing, received "welcome\\n"', []])
  })

  test('when the server ends it in the middle of a reply', async () => {
    const { connection, closed, peer } = await pair('echo')
    const exchanges = send(connection, 60_000)
    peer.resume()
    peer.end('pi')
    expect(await closed).toEqual({ failure: { reason: 'eof' }, lost: exchanges })
  })

  test('when the server ends it between two exchanges', async () => {
    const { closed, peer } = await pair('echo')
    peer.end()
    expect(await closed).toEqual({ failure: { reason: 'eof' }, lost: [] })
  })

  test('when the server resets it', async () => {
    const { connection, closed, peer } = await pair('echo')
    const exchanges = send(connection, 60_000)
    await once(peer, 'data')
    peer.resetAndDestroy()
    const { failure, lost } = await closed
    expect([failure?.reason, failure?.error, lost]).toEqual(['reset', expect.objectContaining({ code: 'ECONNRESET' }), exchanges])
  })

  test('for the first reason only', async () => {
    const { connection, closed, peer } = await pair('echo')
    send(connection, 60_000)
    await once(peer, 'data')
    peer.end('wrong')
    expect((await closed).failure?.reason).toBe('mismatch')
  })
})

describe('a connection that is finished', () => {
  test('sends FIN immediately if nothing is outstanding, and ends with the FIN of the server', async () => {
    const { connection, closed, peer } = await pair('echo')
    const read = reading(peer)
    connection.finish(60_000)
    await until('the FIN', () => read.fin)
    peer.end()
    expect(await closed).toEqual({ failure: undefined, lost: [] })
  })

  test('receives outstanding replies before its FIN', async () => {
    const { connection, closed, peer, answered } = await pair('echo')
    const read = reading(peer)
    send(connection, 60_000, 60_000)
    connection.finish(60_000)
    peer.write('ping\n')
    await until('one reply', () => answered.length === 1)
    expect(read.fin).toBe(false)
    peer.write('ping\n')
    await until('the FIN', () => read.fin)
    peer.end()
    expect(await closed).toEqual({ failure: undefined, lost: [] })
    expect(answered).toHaveLength(2)
  })

  test('waits for a reply no longer than the deadline of the exchange', async () => {
    const { connection, closed, peer } = await pair('echo')
    peer.resume()
    const exchanges = send(connection, 50)
    connection.finish(60_000)
    expect(await closed).toEqual({ failure: { reason: 'timeout' }, lost: exchanges })
  })

  test('loses exchanges that the server does not answer before its FIN', async () => {
    const { connection, closed, peer } = await pair('echo')
    peer.resume()
    const exchanges = send(connection, 60_000, 60_000)
    connection.finish(60_000)
    peer.end('ping\n')
    expect(await closed).toEqual({ failure: { reason: 'eof' }, lost: exchanges.slice(1) })
  })

  test('receives a reply that arrived while the client was busy, even if the time to close is over', async () => {
    const { connection, closed, peer, answered } = await pair('echo', {}, unixSocket())
    send(connection, 60_000)
    peer.write('ping\n')
    connection.finish(10)
    keepBusy(20)
    expect(await closed).toEqual({ failure: undefined, lost: [] })
    expect(answered).toHaveLength(1)
  })

  test('does not wait for a server that does not close its side', async () => {
    const { connection, closed, peer } = await pair('echo')
    peer.resume()
    const startMs = performance.now()
    connection.finish(100)
    expect(await closed).toEqual({ failure: undefined, lost: [] })
    expect(performance.now() - startMs).toBeGreaterThan(95)
  })
})

describe('discard', () => {
  test('succeeds when the kernel has accepted the bytes', async () => {
    const { connection, peer, answered } = await pair('discard')
    const read = reading(peer)
    const exchanges = send(connection, 60_000, 60_000)
    await until('both exchanges', () => answered.length === 2)
    expect(answered.map(({ exchange }) => exchange)).toEqual(exchanges)
    await until('both lines', () => read.text === 'ping\nping\n')
    expect(connection).toMatchObject({ sentBytes: 10, receivedBytes: 0, outstanding: 0 })
  })

  test('to a server that does not read is late, and buffered bytes are not counted as sent', async () => {
    const message = 'x'.repeat(16 * 2 ** 20)
    const { connection, closed, answered } = await pair('discard', { message })
    const exchanges = send(connection, 200, 60_000)
    expect(await closed).toEqual({ failure: { reason: 'timeout' }, lost: exchanges })
    expect(answered).toEqual([])
    expect(connection.sentBytes).toBeLessThanOrEqual(message.length)
  })

  test('to a server that answers is a mismatch', async () => {
    const { closed, peer } = await pair('discard')
    peer.write('what?')
    expect((await closed).failure?.reason).toBe('mismatch')
  })
})

describe('a connection after GOAWAY', () => {
  test('ends as planned when the server closes it and nothing is outstanding', async () => {
    const { connection, closed, peer } = await pair('probe')
    peer.resume()
    peer.write(frame(1, { version: 1, server: 'a' }))
    expect(await connection.open(60_000)).toBeUndefined()
    peer.end(frame(4, { reason: 'drain', graceMs: 0 }))
    expect(await closed).toEqual({ failure: undefined, lost: [] })
    expect([connection.goAwayReason, connection.closeReason]).toEqual(['drain', 'goaway'])
  })

  test('is closed for its owner as soon as the server ends it: a request could no longer be sent', async () => {
    const { connection, closed, peer } = await pair('probe')
    peer.resume()
    peer.write(frame(1, { version: 1, server: 'a' }))
    expect(await connection.open(60_000)).toBeUndefined()
    const order: string[] = []
    void closed.then(() => order.push('closed for its owner'))
    connection.socket.on('close', () => order.push('closed'))
    peer.end(frame(4, { reason: 'drain', graceMs: 0 }))
    await once(connection.socket, 'close')
    expect(order).toEqual(['closed for its owner', 'closed'])
  })

  test('loses outstanding exchanges when the server closes it', async () => {
    const { connection, closed, peer } = await pair('probe')
    peer.resume()
    peer.write(Buffer.concat([frame(1, { version: 1, server: 'a' }), frame(4, { reason: 'drain', graceMs: 0 })]))
    expect(await connection.open(60_000)).toBeUndefined()
    const exchanges = send(connection, 60_000)
    peer.end()
    expect(await closed).toEqual({ failure: { reason: 'eof' }, lost: exchanges })
  })
})

test('a message that arrived while the client was busy counts, even if its time is over', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on('warning', warned)
  const { connection, peer } = await pair('probe', {}, unixSocket())
  peer.write(frame(1, { version: 1, server: 'a' }))
  const opened = connection.open(-5)
  keepBusy(20)
  expect(await opened).toBeUndefined()
  process.off('warning', warned)
  expect(warnings).toEqual([])
})

test('bytes discarded at the end are not counted as sent', async () => {
  const message = 'x'.repeat(16 * 2 ** 20)
  const { connection, closed } = await pair('echo', { message })
  send(connection, 60_000, 60_000)
  const before = connection.sentBytes
  connection.finish(50)
  await closed
  expect(connection.sentBytes).toBe(before)
  expect(before).toBeLessThan(message.length)
})
