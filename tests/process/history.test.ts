import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { AdministeredService } from './support/admin.ts'
import { Certificates } from './support/certificates.ts'
import { type RunningClient, startClient } from './support/client.ts'
import { schemaErrors } from './support/json-schema.ts'
import { Peer } from './support/peer.ts'
import { hello, probe } from './support/probe-server.ts'
import { freePort, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

interface History {
  readonly start: string
  readonly stepMs: number
  readonly columns: Readonly<Record<string, readonly (number | null)[]>>
}

interface Event {
  readonly id: number
  readonly kind: string
  readonly [field: string]: unknown
}

const schemaOf = (name: string) => JSON.parse(readFileSync(`docs/${name}.schema.json`, 'utf8'))

async function read<Answer>(service: AdministeredService, page: string): Promise<Answer> {
  const { status, text } = await service.page(page)
  if (status !== 200) throw new Error(`${status}: ${text}`)
  return JSON.parse(text)
}

const history = (service: AdministeredService, query = '') => read<History>(service, `/history${query}`)

const events = async (service: AdministeredService, query = '') =>
  (await read<{ readonly events: Event[] }>(service, `/events${query}`)).events

/** Waits for the first event of a kind. */
const event = (service: AdministeredService, kind: string) =>
  until(`the event ${kind}`, async () => (await events(service, `?kind=${kind}`))[0])

/** Checks the events so far against the schema. */
async function expectValidEvents(service: AdministeredService): Promise<void> {
  expect(schemaErrors(schemaOf('events'), await read(service, '/events'))).toEqual([])
}

const sum = (values: readonly (number | null)[] = []) => values.reduce<number>((total, value) => total + (value ?? 0), 0)

/** The cells contain each exchange, failure and outage once: no less than was counted before, no more than was counted after. */
async function expectCellsOfCounters(client: RunningClient, query = ''): Promise<History> {
  const counted = async () => {
    const series = await client.scrape()
    return ['exchanges', 'exchange_failures', 'outages'].map(name =>
      sum([...series].filter(([text]) => text.startsWith(`tcp_client_${name}_total`)).map(([, value]) => value)),
    )
  }
  const sums = ({ columns }: History) => [columns.exchanges, columns.failures, columns.outages].map(sum)
  const before = await counted()
  const reached = (seen: History) => sums(seen).every((value, index) => value >= (before[index] ?? 0))
  const seen = await until('what was counted', async () => {
    const seen = await history(client, query)
    return reached(seen) && seen
  })
  const after = await counted()
  expect(sums(seen).filter((value, index) => value > (after[index] ?? 0))).toEqual([])
  return seen
}

describe('/history', () => {
  test('of a client: the cells add up to the counters, in every span', async () => {
    const listen = `probe://127.0.0.1:${await freePort()}`
    const server = await startServer(listen)
    await using client = await startClient(listen, { env: { NIHAO_INTERVAL: '400ms', NIHAO_TIMEOUT: '1s' } })
    await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) > 2)
    server.kill('SIGKILL')
    await until('failures', async () => (await client.metric('tcp_client_exchange_failures_total')) > 2)
    for (const [span, stepMs, cells] of [
      ['15m', 1_000, 900],
      ['1h', 60_000, 60],
      ['24h', 60_000, 1_440],
    ] as const) {
      const seen = await expectCellsOfCounters(client, `?span=${span}`)
      expect(schemaErrors(schemaOf('history'), seen)).toEqual([])
      expect(seen.stepMs).toBe(stepMs)
      expect(Object.values(seen.columns).map(({ length }) => length)).toEqual(Array(10).fill(cells))
      expect(seen.columns.failing?.at(-1)).toBe(1)
      expect(sum(seen.columns.downMs)).toBeGreaterThan(0)
    }
    await server[Symbol.asyncDispose]()
  })

  test('of a server: connections and bytes add up to the counters', async () => {
    await using server = await startServer('echo://127.0.0.1:0?max-connections=1 greet://127.0.0.1:0')
    const label = `echo:${server.port()}`
    await using peer = await Peer.connect(server.port())
    await peer.ask('hello', 'hello')
    await using rejected = await Peer.connect(server.port())
    await server.untilMetric('tcp_server_connections_rejected_total', 1, { reason: 'max_connections' })
    const open = await until('the open connection', async () => {
      const { columns } = await history(server, `?listener=${label}`)
      return sum(columns.rejected) === 1 && sum(columns.receivedBytes) === 5 && columns
    })
    expect(open.open?.at(-1)).toBe(1)
    expect([sum(open.opened), sum(open.closed), sum(open.sentBytes)]).toEqual([1, 0, 5])
    await rejected[Symbol.asyncDispose]()
    await peer[Symbol.asyncDispose]()
    await until('its end', async () => sum((await history(server, `?listener=${label}&span=24h`)).columns.closed) === 1)
    const other = await history(server, `?listener=greet:${server.port(1)}`)
    expect(schemaErrors(schemaOf('history'), other)).toEqual([])
    expect(sum(other.columns.opened)).toBe(0)
  })

  test('has no data for the time in which the process was stopped', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    await using client = await startClient(`echo://127.0.0.1:${server.port()}`, { env: { NIHAO_INTERVAL: '100ms' } })
    const exchanges = async () => {
      const { columns } = await history(client)
      return columns.exchanges?.slice(columns.exchanges.findIndex(value => value !== null)) ?? []
    }
    const before = await until('two cells', async () => {
      const cells = await exchanges()
      return cells.length > 1 && cells
    })
    client.kill('SIGSTOP')
    await delay(3_500)
    client.kill('SIGCONT')
    const after = await until('two cells after it', async () => {
      const cells = await exchanges()
      return cells.length >= before.length + 5 && cells.at(-1) !== null && cells.at(-2) !== null && cells
    })
    const gap = after.findIndex((value, index) => value === null && after[index + 1] === null)
    expect(gap).toBeGreaterThan(0)
    await expectCellsOfCounters(client)
  })
})

describe('/events', () => {
  test('of a client has an outage from its beginning to its end', async () => {
    const listen = `probe://127.0.0.1:${await freePort()}`
    const env = { NIHAO_IDENTITY: 'first' }
    const first = await startServer(listen, { env })
    await using client = await startClient(listen, { env: { NIHAO_INTERVAL: '100ms' } })
    await until('an exchange', async () => (await client.metric('tcp_client_exchanges_total')) > 1)
    first.kill('SIGKILL')
    const began = await event(client, 'outage_began')
    expect(began).toMatchObject({ target: listen, server: `first at ${listen.slice(8)}`, reason: expect.any(String) })
    await using _second = await startServer(listen, { env: { NIHAO_IDENTITY: 'second' } })
    const over = await event(client, 'outage_over')
    const logged = await client.log({ msg: 'outage over' })
    const { reason, side, evidence, durationMs, atMostMs, lostExchanges, left, found } = logged
    expect(over).toMatchObject({ target: listen, reason, side, evidence, durationMs, atMostMs, lostExchanges, left, found })
    expect([left, found]).toEqual([`first at ${listen.slice(8)}`, `second at ${listen.slice(8)}`])
    const later = `?since=${began.id}&kind=outage_over&target=${encodeURIComponent(listen)}`
    expect(await events(client, later)).toEqual([over])
    expect(await events(client, `?since=${over.id}`)).toEqual([])
    await expectValidEvents(client)
    await first[Symbol.asyncDispose]()
  })

  test('of a client show once a minute that the counters of both ends differ', async () => {
    await using server = await ScriptedServer.listen(probe(hello, 5))
    const target = `probe://127.0.0.1:${server.port}`
    await using client = await startClient(`${target}?fresh=true&connections=0`, { env: { NIHAO_INTERVAL: '50ms' } })
    await until('several', async () => (await client.metric('tcp_client_comparisons_total', { result: 'different' })) > 3)
    const differed = await events(client, '?kind=counters_differ')
    expect(differed).toEqual([expect.objectContaining({ target, pings: 1, pingsAtServer: 6 })])
    await expectValidEvents(client)
  })

  test('of both show a drain: its stages at the server, the handover at the client', async () => {
    const listen = `probe://127.0.0.1:${await freePort()}?reuse-port=true`
    const env = { NIHAO_DRAIN_DELAY: '100ms', NIHAO_DRAIN_TIMEOUT: '10m' }
    await using leaving = await startServer(`${listen} echo://127.0.0.1:0`, { env })
    await using client = await startClient(listen.split('?')[0] ?? '', { env: { NIHAO_INTERVAL: '100ms' } })
    await client.log({ msg: 'first reply' })
    await leaving.untilMetric('tcp_server_connections_active', 1, { listener: `probe:${leaving.port()}` })
    // It keeps the server from exiting.
    await using _open = await Peer.connect(leaving.port(1))
    await leaving.untilMetric('tcp_server_connections_active', 1, { listener: `echo:${leaving.port(1)}` })
    await using _staying = await startServer(listen)
    leaving.kill('SIGTERM')
    const stages = await until('the second stage', async () => {
      const draining = await events(leaving, '?kind=draining')
      return draining.length > 1 && draining
    })
    expect(stages.slice(0, 2)).toMatchObject([
      { stage: 'accepting', delayMs: 100, connections: 2 },
      { stage: 'closing', timeoutMs: 600_000 },
    ])
    await expectValidEvents(leaving)
    expect(await event(client, 'handover')).toMatchObject({
      reason: 'drain',
      left: expect.any(String),
      found: expect.any(String),
    })
  })

  test('of a server show faults and a flood of rejected connections', async () => {
    await using server = await startServer('echo://127.0.0.1:0?max-connections=1&delay=5ms&close-after=100n')
    expect(await event(server, 'faults_enabled')).toMatchObject({ id: 1, faults: 'delay 5, closeAfter 100 messages' })
    await using _only = await Peer.connect(server.port())
    await Promise.all(Array.from({ length: 50 }, async () => (await Peer.connect(server.port()))[Symbol.asyncDispose]()))
    await server.untilMetric('tcp_server_connections_rejected_total', 50, { reason: 'max_connections' })
    expect(await events(server, '?kind=connections_rejected')).toEqual([
      expect.objectContaining({ listener: `echo:${server.port()}`, reason: 'max_connections', connections: 1 }),
    ])
    await expectValidEvents(server)
  })

  testWith('openssl', 'of a server show its certificates: loaded, about to expire, not usable', async () => {
    using roots = new Certificates()
    const { cert, key } = roots.issue()
    await using server = await startServer(`echo+tls://127.0.0.1:0?cert=${cert}&key=${key}`)
    const listener = `echo+tls:${server.port()}`
    const { expires } = await event(server, 'certificates_loaded')
    expect(await event(server, 'certificate_expires_soon')).toMatchObject({ listener, expires })
    await server.log({ msg: 'certificate expires soon', level: 'warn', listener, expires })
    writeFileSync(cert, 'no certificate')
    server.kill('SIGHUP')
    expect(await event(server, 'certificate_reload_failed')).toMatchObject({
      listener,
      error: expect.stringContaining('not a PEM certificate'),
    })
    await expectValidEvents(server)
  })
})

describe('a query that is not valid', () => {
  test('is answered with 400 and what is valid', async () => {
    await using server = await startServer('echo://127.0.0.1:0 greet://127.0.0.1:0')
    const answers: [query: string, said: string][] = [
      ['/history', 'listener is required: must be one that /connections lists'],
      ['/history?listener=a', 'unknown listener "a": must be one that /connections lists'],
      ['/history?target=a', 'unknown parameter "target": must be listener or span'],
      [`/history?listener=echo:${server.port()}&span=1m`, 'invalid span "1m": must be 15m, 1h or 24h'],
      ['/events?since=-1', 'invalid since "-1": must be an integer from 0 to 9007199254740991'],
      ['/events?kind=a', 'invalid kind "a": must be connections_rejected, '],
      ['/events?listener=a', 'unknown listener "a": must be one that /connections lists'],
      ['/events?until=1', 'unknown parameter "until": must be since, kind or listener'],
    ]
    for (const [query, said] of answers) {
      const { status, text } = await server.page(query)
      expect([query, status, text]).toEqual([query, 400, expect.stringContaining(said)])
    }
  })
})
