import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { type Service, Stage } from './support/service.ts'

const run = promisify(execFile)
const OUTAGE_MS = 4_000
const target = 'greet://server:1234'

describeWithDocker('an outage is told once, with its reason and its length', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  type Pair = { server: Service; client: Service }

  async function pair(): Promise<Pair> {
    const server = await stage.server()
    const client = await stage.client(`${target}?interval=100ms`)
    await client.line('first reply')
    return { server, client }
  }

  /** The client's view of an outage that lasted from `begin` to the end of `end`. */
  async function outage({ server, client }: Pair, begin: () => Promise<unknown>, end: () => Promise<unknown>): Promise<string> {
    // It began somewhere while the command ran: `docker kill` can take a second.
    const earliestMs = performance.now()
    await begin()
    const latestMs = performance.now()
    await client.line('outage began')
    await delay(OUTAGE_MS - (performance.now() - latestMs))
    await end()
    await until('the server to be ready', async () => (await server.get('/readyz').catch(() => undefined))?.status === 200)
    const endedMs = performance.now()
    const over = await client.line('outage over')
    expect(over.durationMs).toBeGreaterThan((endedMs - latestMs) * 0.8 - 1_000)
    expect(over.durationMs).toBeLessThan((endedMs - earliestMs) * 1.2 + 5_000)
    expect(over.lostExchanges).toBeGreaterThan(10)

    const { reason } = over as unknown as { reason: string }
    expect(await client.metric('tcp_client_outages_total')).toBe(1)
    expect(await client.metric('tcp_client_outages_total', { reason })).toBe(1)
    expect(await client.metric('tcp_client_outage_duration_seconds_count')).toBe(1)
    const good = () => client.metric('tcp_client_round_trip_duration_seconds_count')
    const before = await good()
    await until('more good exchanges', async () => (await good()) > before + 5)
    expect(client.lines('outage began')).toHaveLength(1)
    return reason
  }

  test('server killed and started again', async () => {
    const { server, client } = await pair()
    const reason = await outage(
      { server, client },
      () => server.docker('kill'),
      () => server.docker('start'),
    )
    // The kernel of a killed process closes its sockets; with bytes unread that is a reset.
    expect(['eof', 'reset']).toContain(reason)
    expect(client.lines('outage over')[0]).toMatchObject({ side: 'unknown', found: expect.stringMatching(/:1234$/) })
  })

  test('network of the server disconnected and reconnected', async () => {
    const { server, client } = await pair()
    const network = (await stage.network()).getId()
    const reason = await outage(
      { server, client },
      () => run('docker', ['network', 'disconnect', network, server.id]),
      () => run('docker', ['network', 'connect', '--alias', 'server', network, server.id]),
    )
    expect(reason).toBe('timeout')
  })
})
