import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { Stage } from './support/service.ts'

describeWithDocker('the limit of connections', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  test('refuses one more, visibly on both sides; those inside keep working, and a freed slot serves again', async () => {
    const server = await stage.server({ NIHAO_LISTEN: 'greet://0.0.0.0:1234?max-connections=3' })
    const inside = await stage.client('greet://server:1234?connections=3&interval=50ms')
    await until('three connections', async () => (await server.metric('tcp_server_connections_active')) === 3)
    const outside = await stage.client('greet://server:1234?connections=1&interval=50ms')

    const refused = () => server.metric('tcp_server_connections_rejected_total', { reason: 'max_connections' })
    await until('a refusal', async () => (await refused()) > 0)
    expect(await outside.metric('tcp_client_exchange_failures_total', { reason: 'eof' })).toBeGreaterThan(0)
    expect(await outside.metric('tcp_client_connections_closed_total', { reason: 'server_closed' })).toBeGreaterThan(0)
    expect((await outside.get('/targets')).status).toBe(503)
    expect(await server.line('connection rejected')).toMatchObject({ reason: 'max_connections' })

    const before = await inside.metric('tcp_client_exchanges_total')
    await until('more exchanges inside', async () => (await inside.metric('tcp_client_exchanges_total')) > before + 10)
    expect(await inside.metric('tcp_client_exchange_failures_total')).toBe(0)
    expect(await server.metric('tcp_server_connections_active')).toBe(3)

    expect(await inside.stop()).toBe(0)
    await until('the freed slot', async () => (await outside.get('/targets')).status === 200)
  })

  test('2,000 connections work in 128 MB, with a read-only root and no capabilities', async () => {
    const server = await stage.server()
    const client = await stage.client('greet://server:1234?connections=2000&interval=4s&timeout=4s')
    await until(
      '4,000 exchanges',
      async () => (await client.metric('tcp_client_round_trip_duration_seconds_count')) >= 4_000,
      60_000,
    )
    expect(await server.metric('tcp_server_connections_active')).toBe(2_000)
    expect(await client.metric('tcp_client_exchange_failures_total')).toBe(0)
    expect(
      await server.docker('inspect', '--format', '{{.State.OOMKilled}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}}'),
    ).toBe('false true 134217728')
  })
})
