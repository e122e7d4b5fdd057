import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, expect, test } from '@jest/globals'
import { downtime, expectDuration } from '../process/support/downtime.ts'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { type Service, Stage } from './support/service.ts'

const run = promisify(execFile)
const OUTAGE_MS = 5_000
/** The timeout is longer than a busy machine keeps a process waiting: a stall is no outage. */
const times = { intervalMs: 100, timeoutMs: 5_000 }
const target = 'greet://server:1234'

describeWithDocker('an outage is told once, with its reason and its length', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  type Pair = { server: Service; client: Service }

  async function pair(): Promise<Pair> {
    const server = await stage.server()
    const client = await stage.client(`${target}?interval=${times.intervalMs}ms&timeout=${times.timeoutMs}ms`)
    await client.line('first reply')
    return { server, client }
  }

  /** The client's view of an outage that lasted from `begin` to the end of `end`. */
  async function outage({ server, client }: Pair, begin: () => Promise<unknown>, end: () => Promise<unknown>): Promise<string> {
    const missed = () => Promise.all([client.line('outage began'), delay(OUTAGE_MS)])
    const down = await downtime(begin, missed, end)
    await until('the server to be ready', async () => (await server.get('/readyz').catch(() => undefined))?.status === 200)
    const over = await client.line('outage over')
    expectDuration(over.durationMs, down, times)
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
