import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { type Service, Stage } from './support/service.ts'
import { Siege } from './support/siege.ts'

/** Where the server is late to accept, the kernel repeats lost SYNs after 1, 3, 7, 15 and 31 s. */
const CONNECT_DEADLINE_MS = 150_000

/** The failed exchanges of each target, by reason. No exchange is late: that would show how busy the machine is. */
async function failures(client: Service): Promise<object[]> {
  const { targets } = (await (await client.get('/targets')).json()) as { targets: { exchangeFailures: object }[] }
  return targets.map(({ exchangeFailures }) => exchangeFailures)
}

describeWithDocker('the limit of connections', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  test('2,000 connections work in 128 MB, with a read-only root and no capabilities', async () => {
    const server = await stage.server()
    const client = await stage.client('greet://server:1234?connections=2000&interval=2s&timeout=10m')
    await server.untilMetric('tcp_server_connections_active', 2_000, {}, CONNECT_DEADLINE_MS)
    await until('4,000 exchanges', async () => (await client.metric('tcp_client_round_trip_duration_seconds_count')) >= 4_000)
    expect(await failures(client)).toEqual([{}])
    expect(
      await server.docker('inspect', '--format', '{{.State.OOMKilled}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}}'),
    ).toBe('false true 134217728')
  })

  test('5,000 hostile connections leave a server with 512 MB alive and 100 clients served', async () => {
    const listen = 'greet://:1234 probe://:7000 echo://:7007 greet://:1235?proxy=v1&trusted-proxies=0.0.0.0/0'
    const settings = { NIHAO_LISTEN: listen, NIHAO_MAX_CONNECTIONS: '5200', NIHAO_LOG_LEVEL: 'warn' }
    const server = await stage.server(settings, 0.5)
    const client = await stage.client('greet://server:1234?connections=100&interval=200ms&timeout=10m')
    await server.untilMetric('tcp_server_connections_active', 100)
    const addresses = await server.docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}')
    const [host = ''] = addresses.split(' ')
    const siege = new Siege(host)
    const metric = (name: string, reason: string) => server.metric(name, { reason })
    try {
      await siege.connect(5_000)
      // The server rejects new connections for a second after it had to terminate others.
      await until('slow readers to be terminated, and new connections to be rejected', async () => {
        await siege.connect(100)
        const terminated = await metric('tcp_server_connections_closed_total', 'slow_reader')
        return terminated > 0 && (await metric('tcp_server_connections_rejected_total', 'overload')) > 0
      })
      const exchanges = await client.metric('tcp_client_exchanges_total')
      await until('1,000 exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= exchanges + 1_000)
    } finally {
      siege.end()
    }
    await server.untilMetric('tcp_server_connections_active', 100)
    expect(await failures(client)).toEqual([{}])
    expect(await server.docker('inspect', '--format', '{{.State.OOMKilled}} {{.RestartCount}} {{.HostConfig.Memory}}')).toBe(
      'false 0 536870912',
    )
  })
})
