import { afterEach, expect, test } from '@jest/globals'
import { GenericContainer, Wait } from 'testcontainers'
import type { Totals } from '../process/support/client.ts'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { Stage } from './support/service.ts'

/** Longer than anything takes on a busy machine: no exchange is late. */
const DEADLINE = '1m'

describeWithDocker('server and client on one network', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  test('exchange messages and have equal counters, both while running and after the client has stopped', async () => {
    const server = await stage.server({ NIHAO_LISTEN: 'greet://0.0.0.0:1234 echo://0.0.0.0:7007' })
    // One exchange of all sessions within the test's life: nothing moves any more while both are read.
    const [greet, echo] = ['greet://server:1234', 'echo://server:7007']
    const client = await stage.client(`${greet}?interval=1440m&connections=10 ${echo}?interval=20ms`, {
      NIHAO_TIMEOUT: DEADLINE,
    })
    expect((await client.line('first reply', { target: greet })).reply).toBe('你好，张三')
    // A connection of the client is established before the server has accepted it.
    await client.untilMetric('tcp_client_connections_active', 10, { target: greet })
    await server.untilMetric('tcp_server_connections_active', 10, { listener: 'greet:1234' })

    for (const service of [server, client]) {
      expect(await (await service.get('/')).text()).toContain('<h1>')
      for (const file of ['/page.css', '/page.js']) expect((await service.get(file)).status).toBe(200)
    }

    const listener = 'greet:1234'
    expect(await client.metric('tcp_client_sent_bytes_total', { target: greet })).toBe(Buffer.byteLength('张三\n'))
    expect(await server.metric('tcp_server_received_bytes_total', { listener })).toBe(Buffer.byteLength('张三\n'))
    expect(await client.metric('tcp_client_received_bytes_total', { target: greet })).toBe(Buffer.byteLength('你好，张三\n'))
    expect(await server.metric('tcp_server_sent_bytes_total', { listener })).toBe(Buffer.byteLength('你好，张三\n'))

    const echoes = () => client.metric('tcp_client_round_trip_duration_seconds_count', { target: echo })
    await until('some echoes', async () => (await echoes()) > 10)
    expect(await client.stop()).toBe(0)
    const stopped = (await client.line('stopped')) as unknown as Record<string, Totals>
    await server.untilMetric('tcp_server_connections_active', 0)
    for (const [listener, target] of Object.entries({ 'greet:1234': greet, 'echo:7007': echo })) {
      const { sentBytes, receivedBytes, exchanges, connectionAttempts, connectionsClosed } = stopped[target] as Totals
      expect(await server.metric('tcp_server_received_bytes_total', { listener })).toBe(sentBytes)
      expect(await server.metric('tcp_server_sent_bytes_total', { listener })).toBe(receivedBytes)
      // An echo counts reads, and one may bring several messages.
      if (target === greet) expect(await server.metric('tcp_server_messages_total', { listener })).toBe(exchanges)
      // All are the same, unless an attempt took so long that the client made another one and abandoned the one it did not need.
      const opened = await server.metric('tcp_server_connections_opened_total', { listener })
      const closed = await server.metric('tcp_server_connections_closed_total', { listener, reason: 'client_closed' })
      const counts = [connectionsClosed.finished, closed, opened, connectionAttempts]
      expect(counts).toEqual(counts.toSorted((a = 0, b = 0) => a - b))
    }
  })

  test('are scraped by a real Prometheus, whose API returns the series of both', async () => {
    await stage.server()
    await stage.client(`greet://server:1234?interval=50ms&timeout=${DEADLINE}`)
    const config = {
      global: { scrape_interval: '1s' },
      scrape_configs: [{ job_name: 'nihao', static_configs: [{ targets: ['server:9464', 'client:9465'] }] }],
    }
    const prometheus = await stage.other(
      new GenericContainer('prom/prometheus:v2.53.3')
        .withCopyContentToContainer([{ content: JSON.stringify(config), target: '/etc/prometheus/prometheus.yml' }])
        .withExposedPorts(9090)
        .withWaitStrategy(Wait.forHttp('/-/ready', 9090)),
    )
    const query = async (expression: string) => {
      const url = `http://${prometheus.getHost()}:${prometheus.getMappedPort(9090)}/api/v1/query?query=${encodeURIComponent(expression)}`
      const { data } = (await (await fetch(url)).json()) as { data: { result: { value: [number, string] }[] } }
      return data.result.map(({ value }) => Number(value[1]))
    }
    // A service that takes longer than a second for a scrape has no series until the next one.
    const untilValue = (expression: string, satisfies: (value: number) => boolean) =>
      until(expression, async () => (await query(expression)).find(satisfies))
    await untilValue('count(up == 1)', count => count === 2)
    const messages = 'tcp_server_messages_total{listener="greet:1234"}'
    const first = await untilValue(messages, count => count > 0)
    await untilValue(messages, count => count > first)
    await untilValue('tcp_client_connections_active', count => count === 1)
    await untilValue('count(nihao_build_info)', count => count === 2)
    await untilValue('histogram_quantile(0.99, tcp_client_round_trip_duration_seconds_bucket)', seconds => seconds > 0)
    await untilValue('sum(tcp_client_exchange_failures_total)', count => count === 0)
  })
})
