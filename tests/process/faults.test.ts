import { describe, expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { Peer } from './support/peer.ts'
import { RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

async function withFault(listen: string, see: (server: RunningServer, client: RunningClient) => Promise<void>): Promise<void> {
  await using server = await startServer(listen, { env: { NIHAO_LOG_LEVEL: 'debug' } })
  const [protocol] = listen.split(':')
  const timeout = /delay=500ms|throttle|stall-after/.test(listen) ? '300ms' : '10s'
  const env = { NIHAO_INTERVAL: '30ms', NIHAO_TIMEOUT: timeout }
  await using client = await startClient(`${protocol}://127.0.0.1:${server.port()}`, { env })
  await see(server, client)
}

const faults: [listen: string, reason: string, made: string, ended: string][] = [
  ['greet://127.0.0.1:0?delay=500ms', 'timeout', 'delay', 'client_closed'],
  ['greet://127.0.0.1:0?throttle=20B', 'timeout', 'throttle', 'client_closed'],
  ['greet://127.0.0.1:0?reset-after=3n', 'reset', 'reset_after', 'fault'],
  ['probe://127.0.0.1:0?reset-after=3n', 'reset', 'reset_after', 'fault'],
  ['greet://127.0.0.1:0?reset-after=40B', 'reset', 'reset_after', 'fault'],
  ['greet://127.0.0.1:0?close-after=3n', 'eof', 'close_after', 'fault'],
  ['probe://127.0.0.1:0?close-after=3n', 'eof', 'close_after', 'fault'],
  ['echo://127.0.0.1:0?close-after=25B', 'eof', 'close_after', 'fault'],
  ['discard://127.0.0.1:0?close-after=3n', 'eof', 'close_after', 'fault'],
  ['chargen://127.0.0.1:0?close-after=1MiB', 'eof', 'close_after', 'fault'],
  ['greet://127.0.0.1:0?stall-after=3n', 'timeout', 'stall_after', 'fault'],
  ['probe://127.0.0.1:0?stall-after=3n', 'timeout', 'stall_after', 'fault'],
  ['greet://127.0.0.1:0?stall-after=5B', 'timeout', 'stall_after', 'fault'],
  ['greet://127.0.0.1:0?corrupt=1', 'mismatch', 'corrupt', 'client_closed'],
  ['probe://127.0.0.1:0?corrupt=1', 'mismatch', 'corrupt', 'client_closed'],
]

/** Of a target that never worked, of lost exchanges, and of a connection that ended between two exchanges. */
const MESSAGES = ['target is not up yet', 'outage began', 'reconnected']

describe('the client sees', () => {
  test.each(faults)('%s as %s', (listen, reason, made, ended) =>
    withFault(listen, async (server, client) => {
      await until('the client to log it', () => MESSAGES.some(msg => client.logged({ msg, reason }).length > 0))
      await until('the server to count it', async () => (await server.metric('tcp_server_faults_total', { reason: made })) > 0)
      // A client that closes while a reply is under way sends RST. Attempts to connect that are slow are abandoned, which the server logs too.
      const reasons = ended === 'client_closed' ? [ended, 'reset'] : [ended]
      const line = await until('the connection to be closed', () =>
        server.logged({ msg: 'connection closed' }).find(({ reason }) => reasons.includes(String(reason))),
      )
      const closed = await server.metric('tcp_server_connections_closed_total', { reason: String(line.reason) })
      expect(closed).toBeGreaterThan(0)
      // More than three when one read brought several.
      if (/(close|reset)-after=3n/.test(listen)) expect(line.messages).toBeGreaterThanOrEqual(3)
      if (listen.includes('40B')) expect(line.sentBytes).toBe(40)
    }),
  )

  test('corrupt on probe with its direction', () =>
    withFault('probe://127.0.0.1:0?corrupt=1', async (_, client) => {
      // The last of several replies in one write is corrupted: the first one may be good.
      const line = await until('a mismatch', () => MESSAGES.flatMap(msg => client.logged({ msg, reason: 'mismatch' }))[0])
      expect(line.error).toMatchObject({ message: expect.stringMatching(/^corrupted on the way from the server: /) })
    }))

  test('refuse on probe as rejected, with the reason of the server', () =>
    withFault('probe://127.0.0.1:0?refuse=1', async (server, client) => {
      expect(await client.log({ msg: 'target is not up yet' })).toMatchObject({ reason: 'rejected', error: { message: 'fault' } })
      expect(await server.log({ msg: 'connection rejected' })).toMatchObject({ reason: 'fault' })
      expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'fault' })).toBeGreaterThan(0)
      expect(await server.metric('tcp_server_connections_opened_total')).toBe(0)
    }))

  test('refuse on greet as eof', () =>
    withFault('greet://127.0.0.1:0?refuse=1', async (server, client) => {
      expect(await client.log({ msg: 'target is not up yet' })).toMatchObject({ reason: 'eof' })
      expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'fault' })).toBeGreaterThan(0)
    }))

  test('a delay in its round trips, in order and without a failure', () =>
    withFault('probe://127.0.0.1:0?delay=50ms&jitter=50ms', async (_, client) => {
      await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 30)
      const series = await client.scrape()
      const [target] = Object.keys(await client.targets())
      const total = (name: string) => series.get(`tcp_client_round_trip_duration_seconds_${name}{target="${target}"}`)
      expect(Number(total('sum')) / Number(total('count'))).toBeGreaterThan(0.05)
      const [totals] = Object.values(await client.stop()).filter(value => typeof value === 'object')
      expect(totals).toMatchObject({ exchangeFailures: {}, outages: {}, countersDiffered: 0 })
      expect(totals?.countersCompared).toBeGreaterThan(0)
    }))
})

test('the log lists enabled faults at startup, and nothing for listeners without faults', async () => {
  await using server = await startServer('greet://127.0.0.1:0 echo://127.0.0.1:0?delay=1s&refuse=0.25&close-after=3n')
  const lines = server.logged({ msg: 'faults enabled' })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({ level: 'warn', listener: `echo:${server.port(1)}` })
  expect(lines[0]?.faults).toEqual({ delay: 1_000, refuse: 0.25, closeAfter: { messages: 3 } })
})

test('throttle limits the rate, and the counters count the sent bytes', async () => {
  await using server = await startServer('echo://127.0.0.1:0?throttle=100KiB')
  await using peer = await Peer.connect(server.port())
  const startMs = performance.now()
  peer.send(Buffer.alloc(200_000, 'x'))
  await until('all to come back', () => peer.bytes.length === 200_000)
  const bytesPerSecond = 200_000 / ((performance.now() - startMs) / 1_000)
  expect(bytesPerSecond).toBeLessThan(110 * 1_024)
  await server.untilMetric('tcp_server_sent_bytes_total', 200_000)
})

test('delayed bytes count as buffered: they pause reading, and memory stays bounded', async () => {
  await using server = await startServer('echo://127.0.0.1:0?delay=2s&max-buffered=256KiB')
  await using peer = await Peer.connect(server.port())
  const before = server.memory().residentBytes
  peer.send(Buffer.alloc(64 * 2 ** 20))
  // Reading resumes as soon as the first bytes are sent, and pauses again.
  const buffered = await until('reading to pause', async () => {
    const series = await server.scrape()
    const value = (name: string) => series.get(`tcp_server_${name}{listener="echo:${server.port()}"}`) ?? Number.NaN
    return value('read_pauses_total') > 0 && value('buffered_bytes') >= 256 * 1_024 && value('buffered_bytes')
  })
  expect(buffered).toBeLessThanOrEqual((256 + 64) * 1_024)
  await until('a second helping', () => peer.bytes.length > 512 * 1_024)
  expect(server.memory().residentBytes - before).toBeLessThan(32 * 2 ** 20)
})

test.each(['FIN of the client', 'drain of the server'])('delayed bytes are still sent, in order, after the %s', async way => {
  await using server = await startServer('greet://127.0.0.1:0?delay=500ms&jitter=200ms')
  await using peer = await Peer.connect(server.port())
  for (const name of ['a', 'b', 'c']) {
    peer.send(`${name}\n`)
    await until(
      'the server to have it',
      async () => (await server.connections()).connections[0]?.receivedBytes === peer.sentBytes,
    )
  }
  if (way.startsWith('FIN')) peer.end()
  else server.kill('SIGTERM')
  await peer.receives('你好，a\n你好，b\n你好，c\n')
  await peer.finished()
  peer.end()
  if (way.startsWith('drain')) expect((await server.exit()).code).toBe(0)
})

test('a stalled connection sends nothing more, and closes with its peer', async () => {
  await using server = await startServer('chargen://127.0.0.1:0?stall-after=100KiB', { env: { NIHAO_LOG_LEVEL: 'debug' } })
  await using peer = await Peer.connect(server.port())
  await server.untilMetric('tcp_server_faults_total', 1, { reason: 'stall_after' })
  await until('what came before', () => peer.bytes.length === 100 * 1_024)
  peer.end()
  expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'fault', sentBytes: 100 * 1_024 })
  expect(peer.bytes.length).toBe(100 * 1_024)
})

/** Which of twenty connections are refused, and which of twenty replies on one connection are wrong. */
async function fate(seed: number): Promise<string> {
  const faults = `fault-seed=${seed}`
  await using server = await startServer(`echo://127.0.0.1:0?refuse=0.5&${faults} echo://127.0.0.1:0?corrupt=0.3&${faults}`)
  let seen = ''
  for (let index = 0; index < 20; index++) {
    await using peer = await Peer.connect(server.port(0))
    peer.send('x')
    await until('an answer', () => peer.fin || peer.bytes.length > 0)
    seen += peer.fin ? 'r' : '.'
  }
  await using peer = await Peer.connect(server.port(1))
  for (let index = 0; index < 20; index++) {
    peer.send('x')
    await until('a reply', () => peer.bytes.length > index)
    seen += String.fromCharCode(peer.bytes[index] ?? 0)
  }
  return seen
}

test('the same seed repeats the same faults, another seed gives different ones', async () => {
  const [first, again, other] = await Promise.all([fate(1), fate(1), fate(2)])
  expect(first).toMatch(/r.*x/)
  expect(again).toBe(first)
  expect(other).not.toBe(first)
})

test('all invalid fault options are reported at startup', async () => {
  const options = 'delay=1&jitter=-1ms&throttle=100&close-after=10&reset-after=0n&corrupt=2&refuse=10%25&fault-seed=x'
  await using server = new RunningServer(`greet://127.0.0.1:0?${options}`)
  const { code, stderr } = await server.exit()
  expect(code).toBe(2)
  expect(stderr.match(/must be/g)).toHaveLength(8)
})
