import { afterEach, expect, test } from '@jest/globals'
import { GenericContainer, Wait } from 'testcontainers'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { Stage } from './support/service.ts'

describeWithDocker('server and client on one network', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  test('exchange messages and have equal counters, both while running and after the client has stopped', async () => {
    const server = await stage.server({ NIHAO_LISTEN: 'greet://0.0.0.0:1234 echo://0.0.0.0:7007' })
    // One exchange a session within the test's life: nothing moves any more while both are read.
    const greet = 'greet://server:1234'
    const client = await stage.client(`${greet}?interval=10m&connections=10 echo://server:7007?interval=20ms&timeout=10s`)
    expect(await client.line('first reply')).toBeDefined()
    expect(client.lines('first reply').find(({ target }) => target === greet)?.reply).toBe('你好，张三')
    await until('ten sessions', async () => (await client.metric('tcp_client_connections_active', { target: greet })) === 10)

    for (const service of [server, client]) {
      expect(await (await service.get('/')).text()).toContain('<h1>')
      for (const file of ['/page.css', '/page.js']) expect((await service.get(file)).status).toBe(200)
    }

    const listener = 'greet:1234'
    expect(await client.metric('tcp_client_sent_bytes_total', { target: greet })).toBe(Buffer.byteLength('张三\n'))
    expect(await server.metric('tcp_server_received_bytes_total', { listener })).toBe(Buffer.byteLength('张三\n'))
    expect(await client.metric('tcp_client_received_bytes_total', { target: greet })).toBe(Buffer.byteLength('你好，张三\n'))
    expect(await server.metric('tcp_server_sent_bytes_total', { listener })).toBe(Buffer.byteLength('你好，张三\n'))
    expect(await server.metric('tcp_server_connections_active', { listener })).toBe(10)

    expect(await client.stop()).toBe(0)
    const stopped = (await client.line('stopped')) as unknown as Record<string, Record<string, number>>
    await until('all connections closed', async () => (await server.metric('tcp_server_connections_active')) === 0)
    for (const [listener, target] of Object.entries({ 'greet:1234': greet, 'echo:7007': 'echo://server:7007' })) {
      const counters = stopped[target]
      expect(await server.metric('tcp_server_received_bytes_total', { listener })).toBe(counters?.sentBytes)
      expect(await server.metric('tcp_server_sent_bytes_total', { listener })).toBe(counters?.receivedBytes)
      // An echo counts reads, and one may bring several messages.
      if (target === greet) expect(await server.metric('tcp_server_messages_total', { listener })).toBe(counters?.exchanges)
      expect(await server.metric('tcp_server_connections_opened_total', { listener })).toBe(counters?.connectionAttempts)
      expect(await server.metric('tcp_server_connections_closed_total', { listener, reason: 'client_closed' })).toBe(
        counters?.connectionAttempts,
      )
    }
    expect(stopped['echo://server:7007']?.exchanges).toBeGreaterThan(10)
  })

  test('are scraped by a real Prometheus, whose API returns the series of both', async () => {
    await stage.server()
    await stage.client('greet://server:1234?interval=50ms&timeout=10s')
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
    await until('both targets up', async () => (await query('count(up == 1)'))[0] === 2)
    const messages = () => query('tcp_server_messages_total{listener="greet:1234"}')
    const first = await until('messages of the server', async () => (await messages())[0])
    await until('more messages', async () => ((await messages())[0] ?? 0) > first)
    expect(await query('tcp_client_exchange_failures_total > 0')).toEqual([])
    expect(await query('tcp_client_connections_active')).toEqual([1])
    expect(await query('count(nihao_build_info)')).toEqual([2])
    expect((await query('histogram_quantile(0.99, tcp_client_round_trip_duration_seconds_bucket)'))[0]).toBeGreaterThan(0)
  })
})
