import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { Stage } from './support/service.ts'

describeWithDocker('the limit of connections', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  test('2,000 connections work in 128 MB, with a read-only root and no capabilities', async () => {
    const server = await stage.server()
    const client = await stage.client('greet://server:1234?connections=2000&interval=2s&timeout=10s')
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
