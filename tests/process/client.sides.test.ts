import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { type Downtime, downtime, expectDuration } from './support/downtime.ts'
import { freePort } from './support/scripted-server.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const INTERVAL_MS = 100
/** A client that stood still for half of it proves no side: no machine is that slow. */
const LONG_TIMEOUT_MS = 10_000
/** Where an outage begins with a timeout. */
const SHORT_TIMEOUT_MS = 2_000
const envWith = (timeoutMs: number) => ({ NIHAO_INTERVAL: `${INTERVAL_MS}ms`, NIHAO_TIMEOUT: `${timeoutMs}ms` })

/** Waits for more good exchanges. */
async function working(client: RunningClient): Promise<void> {
  const good = () => client.metric('tcp_client_exchange_duration_seconds_count')
  const before = await good()
  await until('good exchanges', async () => (await good()) >= before + 5)
}

/** The only outage, which must be as long as the server was down. */
async function outage(client: RunningClient, down: Downtime, timeoutMs = LONG_TIMEOUT_MS) {
  const over = await client.log({ msg: 'outage over' })
  expectDuration(over.durationMs, down, { intervalMs: INTERVAL_MS, timeoutMs })
  expect(over.atMostMs).toBeGreaterThanOrEqual(Number(over.durationMs))
  expect(client.logged({ msg: 'outage began' })).toHaveLength(1)
  const labels = { side: String(over.side) }
  expect(await client.metric('tcp_client_outage_duration_seconds_count', labels)).toBe(1)
  expect(await client.metric('tcp_client_target_down')).toBe(0)
  expect(await client.metric('tcp_client_target_down_seconds_total')).toBeGreaterThan(0)
  const [target] = Object.values(await client.targets())
  expect(target).toMatchObject({ down: false, lastOutage: { side: over.side, evidence: over.evidence } })
  return over
}

/** Starts a server on a port that it can be started on again, and a client that works. */
async function pair(protocol: string, timeoutMs = LONG_TIMEOUT_MS) {
  const url = `${protocol}://127.0.0.1:${await freePort()}`
  const server = await startServer(url)
  const client = await startClient(url, { env: envWith(timeoutMs) })
  await client.log({ msg: 'first reply' })
  await working(client)
  return { url, server, client }
}

/** Takes a server down for a second from the begin of the outage. */
function untilMissed(client: RunningClient, begin: () => unknown, end: () => unknown): Promise<Downtime> {
  const missed = async () => {
    await client.log({ msg: 'outage began' })
    await delay(1_000)
  }
  return downtime(begin, missed, end)
}

/** Kills a server, and starts another one in its place. */
async function replaced({ url, server, client }: Awaited<ReturnType<typeof pair>>): Promise<[Downtime, RunningServer]> {
  const next = Promise.withResolvers<RunningServer>()
  const killed = async () => {
    server.kill('SIGKILL')
    await server.exit()
  }
  const down = await untilMissed(client, killed, async () => next.resolve(await startServer(url)))
  return [down, await next.promise]
}

describe('on probe', () => {
  test('a killed server that comes back is the side of its outage', async () => {
    const killed = await pair('probe')
    await using client = killed.client
    const [down, next] = await replaced(killed)
    await using _next = next
    expect(await outage(client, down)).toMatchObject({ side: 'server', evidence: 'server_restarted' })
  })

  test('a stopped server is the side of its outage, or nobody is', async () => {
    const { server, client } = await pair('probe', SHORT_TIMEOUT_MS)
    await using _server = server
    await using _client = client
    const down = await untilMissed(
      client,
      () => server.kill('SIGSTOP'),
      () => server.kill('SIGCONT'),
    )
    const over = await outage(client, down, SHORT_TIMEOUT_MS)
    expect(over.reason).toBe('timeout')
    // On a busy machine the evidence may be missing; a wrong side must not be named.
    expect(['server', 'unknown']).toContain(over.side)
  })

  test('the FIN of an idle server is a reconnect', async () => {
    await using server = await startServer('probe://127.0.0.1:0?idle-timeout=2s')
    await using client = await startClient(`probe://127.0.0.1:${server.port()}?interval=1m`)
    expect(await client.log({ msg: 'reconnected' })).toMatchObject({ level: 'info', reason: 'eof' })
    expect(await client.metric('tcp_client_reconnects_total', { reason: 'eof' })).toBeGreaterThan(0)
    const [totals] = Object.values(await client.stop()).filter(value => typeof value === 'object')
    expect(totals).toMatchObject({ outages: {}, exchangeFailures: {} })
  })
})

describe('on echo', () => {
  test('nothing shows whether a killed server or the path was it', async () => {
    const killed = await pair('echo')
    await using client = killed.client
    const [down, next] = await replaced(killed)
    await using _next = next
    expect(await outage(client, down)).toMatchObject({ side: 'unknown', evidence: 'none' })
  })

  test('a client that was stopped itself is the side, or has no outage', async () => {
    const { server, client } = await pair('echo', SHORT_TIMEOUT_MS)
    await using _server = server
    await using _client = client
    client.kill('SIGSTOP')
    await delay(SHORT_TIMEOUT_MS + 1_000)
    client.kill('SIGCONT')
    await working(client)
    await client.stop()
    for (const { side } of client.logged({ msg: 'outage over' })) expect(['client', 'unknown']).toContain(side)
  })
})

test('a target that never worked has no outage, and its log says so once', async () => {
  const url = `echo://127.0.0.1:${await freePort()}`
  await using client = await startClient(url, { env: envWith(SHORT_TIMEOUT_MS) })
  expect(await client.log({ msg: 'target is not up yet' })).toMatchObject({ level: 'warn', reason: 'refused' })
  await until('a lost exchange', async () => (await client.metric('tcp_client_exchange_failures_total')) > 0)
  expect(await client.metric('tcp_client_target_down')).toBe(0)
  await using _server = await startServer(url)
  await client.log({ msg: 'target is up' })
  const { [url]: totals } = await client.stop()
  expect(totals?.outages).toEqual({})
  expect(client.logged({ msg: 'target is not up yet' })).toHaveLength(1)
})
