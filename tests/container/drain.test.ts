import { afterEach, expect, test } from '@jest/globals'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { Stage } from './support/service.ts'

describeWithDocker('docker stop of a server that is at work', () => {
  const stage = new Stage()
  afterEach(() => stage.remove())

  test('leaves nothing unanswered that the server had received, and exits with 0 inside the grace period', async () => {
    const server = await stage.server()
    // 20 connections × 10/s
    const client = await stage.client('greet://server:1234?connections=20&interval=100ms')
    const answered = () => client.metric('tcp_client_round_trip_duration_seconds_count')
    await until('200 exchanges', async () => (await answered()) > 200)

    const stoppedAtMs = performance.now()
    expect(await server.stop(30)).toBe(0)
    expect(performance.now() - stoppedAtMs).toBeLessThan(30_000)

    const closed = await until('20 connections closed', () => {
      const lines = server.lines('connection closed')
      return lines.length === 20 && lines
    })
    expect(closed.map(({ reason }) => reason)).toEqual(Array(20).fill('drained'))
    expect(
      closed.filter(({ unansweredBytes, unsentBytes }) => unansweredBytes !== undefined || unsentBytes !== undefined),
    ).toEqual([])

    const counters = (await server.line('stopped'))['greet:1234'] as Record<string, number>
    expect(counters.sentBytes).toBe((counters.messages ?? 0) * Buffer.byteLength('你好，张三\n'))
    // Every reply has reached the client: what it lost afterwards, it lost to a server that was not there any more.
    expect(await answered()).toBe(counters.messages)
    expect(await client.metric('tcp_client_received_bytes_total')).toBe(counters.sentBytes)
    expect(await client.metric('tcp_client_connections_closed_total', { reason: 'server_closed' })).toBe(20)
    expect(server.lines('draining: still accepting')).toHaveLength(1)
    expect(server.lines('draining: no longer accepting')).toHaveLength(1)
  })
})
