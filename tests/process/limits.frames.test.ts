import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { Peer, Peers } from './support/peer.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const env = { NIHAO_INTERVAL: '30ms', NIHAO_TIMEOUT: '10s' }

/** One request per connection: with a second one after the server's end, a client could see a reset before it reads the FIN. */
const once = { NIHAO_INTERVAL: '1m', NIHAO_TIMEOUT: '10s' }

describe('max-age', () => {
  test('half-closes a greet connection right after a reply, between 90 % and 100 % of the age', async () => {
    await using server = await startServer('greet://127.0.0.1:0?max-age=1s')
    await using peers = await Peers.connect(30, server.port())
    for (const { socket } of peers.all) socket.on('end', () => socket.end())
    let asked = 0
    await until('all to be told to go', () => {
      for (const peer of peers.all) if (!peer.fin) peer.send('x\n')
      asked++
      return peers.all.every(({ fin }) => fin)
    })
    expect(asked).toBeGreaterThan(1)
    await server.untilMetric('tcp_server_connections_closed_total', 30, { reason: 'max_age' })
    const lines = await until('their log lines', () => {
      const lines = server.logged({ msg: 'connection closed' })
      return lines.length === 30 && lines
    })
    const ages = lines.map(({ durationMs }) => Number(durationMs)).sort((one, other) => one - other)
    expect(ages[0]).toBeGreaterThanOrEqual(900)
    // A connection that does not end after a reply is terminated ten seconds later.
    expect(ages.at(-1)).toBeLessThan(10_000)
    expect(new Set(peers.all.map(peer => peer.text.replaceAll('你好，x\n', '')))).toEqual(new Set(['']))
    for (const peer of peers.all) expect(peer.error).toBeUndefined()
  })

  // The longer the age, the longer the time in which they end. It passes while the other tests run.
  test.concurrent('ends connections that were opened together at different times', async () => {
    await using server = await startServer('probe://127.0.0.1:0?max-age=15s')
    // Two moments are what one look per tenth of the age would give, or a process that stands still all that time; not each time.
    await until('three moments at least', async () => {
      await using peers = await Peers.connect(30, server.port())
      const toldAtMs: number[] = []
      for (const { socket } of peers.all) {
        socket.on('data', (chunk: Buffer) => {
          if (chunk.includes('max_age')) toldAtMs.push(performance.now())
        })
      }
      await until('all to be asked to go', () => toldAtMs.length === 30)
      return new Set(toldAtMs.map(timeMs => Math.round(timeMs / 40))).size >= 3
    })
  })

  test('makes a probe client reconnect: handovers, no failed exchange, no outage, equal counters', async () => {
    await using server = await startServer('probe://127.0.0.1:0?max-age=500ms')
    const target = `probe://127.0.0.1:${server.port()}`
    await using client = await startClient(target, { env })
    await until('handovers', async () => {
      const { [target]: state } = await client.targets()
      return Number((state as unknown as { handovers: number }).handovers) >= 4
    })
    const { [target]: totals } = await client.stop()
    expect(totals).toMatchObject({ connectionFailures: {}, exchangeFailures: {}, outages: {}, countersDiffered: 0 })
    expect(totals?.connectionsClosed.goaway).toBeGreaterThanOrEqual(3)
    expect(client.logged({ msg: 'handover' })[0]).toMatchObject({ level: 'info', reason: 'max_age' })
    await server.untilMetric('tcp_server_connections_active', 0)
    expect(await server.metric('tcp_server_connections_closed_total', { reason: 'max_age' })).toBeGreaterThanOrEqual(3)
    expect(await server.metric('tcp_server_connections_closed_total', { reason: 'drained' })).toBe(0)
  })

  // Its ten seconds pass while the other tests run.
  test.concurrent('terminates the connection of a probe client that does not reconnect', async () => {
    await using server = await startServer('probe://127.0.0.1:0?max-age=100ms', { env: { NIHAO_LOG_LEVEL: 'debug' } })
    await using peer = await Peer.connect(server.port())
    await until('a GOAWAY', () => peer.text.includes('"max_age"'))
    const { durationMs } = await server.log({ msg: 'connection closed', reason: 'max_age' })
    expect(durationMs).toBeGreaterThanOrEqual(10_000)
  })
})

describe('max-message', () => {
  test('accepts a payload of exactly this length', async () => {
    await using server = await startServer('probe://127.0.0.1:0?max-message=1KiB')
    const target = `probe://127.0.0.1:${server.port()}?message=${'x'.repeat(1_024)}`
    await using client = await startClient(target, { env })
    await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) > 5)
    const [totals] = Object.values(await client.stop()).filter(value => typeof value === 'object')
    expect(totals).toMatchObject({ exchangeFailures: {}, outages: {} })
  })

  test('rejects one byte more: the server logs the reason, and the client sees its FIN', async () => {
    await using server = await startServer('probe://127.0.0.1:0?max-message=1KiB')
    const target = `probe://127.0.0.1:${server.port()}?message=${'x'.repeat(1_025)}`
    await using client = await startClient(target, { env: once })
    expect(await client.log({ msg: 'target is not up yet' })).toMatchObject({ reason: 'eof' })
    expect(await server.log({ msg: 'connection closed' })).toMatchObject({
      reason: 'protocol_error',
      messages: 0,
      error: { message: 'invalid frame length 1034: must be from 9 to 1033' },
    })
    expect(await server.metric('tcp_server_protocol_errors_total', { reason: 'frame_too_long' })).toBeGreaterThan(0)
  })
})

test('NIHAO_MAX_CONNECTIONS applies to all listeners together; clients see REJECT on probe and FIN on greet', async () => {
  await using server = await startServer('greet://127.0.0.1:0 probe://127.0.0.1:0', { env: { NIHAO_MAX_CONNECTIONS: '2' } })
  await using greeted = await Peer.connect(server.port(0))
  await greeted.ask('1', '你好，1')
  await using probed = await Peer.connect(server.port(1))
  await until('a HELLO', () => probed.text.includes('"limit":2}'))

  const probe = `probe://127.0.0.1:${server.port(1)}`
  const greet = `greet://127.0.0.1:${server.port(0)}`
  await using client = await startClient(`${probe} ${greet}`, { env: once })
  const told = await client.log({ msg: 'target is not up yet', target: probe })
  expect(told).toMatchObject({ reason: 'rejected', error: { message: 'max_connections' } })
  expect(await client.log({ msg: 'target is not up yet', target: greet })).toMatchObject({ reason: 'eof' })
  expect(await client.metric('tcp_client_connection_failures_total', { target: probe, reason: 'rejected' })).toBeGreaterThan(0)
  for (const listener of [`greet:${server.port(0)}`, `probe:${server.port(1)}`]) {
    const rejected = await server.metric('tcp_server_connections_rejected_total', { listener, reason: 'max_connections' })
    expect(rejected).toBeGreaterThan(0)
  }

  // A place that becomes free on one listener is taken on the other.
  greeted.end()
  await client.log({ msg: 'target is up' })
})
