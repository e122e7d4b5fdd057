import { describe, expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { startServer } from './support/server.ts'

describe('the counters', () => {
  test('are exact to the byte, including open connections', async () => {
    await using server = await startServer('greet://127.0.0.1:0 echo://127.0.0.1:0 discard://127.0.0.1:0')
    await using greeted = await Peer.connect(server.port(0))
    await using echoed = await Peer.connect(server.port(1))
    await using discarded = await Peer.connect(server.port(2))
    await using gone = await Peer.connect(server.port(0))
    await greeted.ask('张三\n李四\n', '你好，张三\n你好，李四\n')
    await echoed.ask('x'.repeat(1_000), 'x'.repeat(1_000))
    discarded.send('y'.repeat(500))
    await gone.ask('王五', '你好，王五')
    gone.end()
    await gone.finished()
    const listener = (index: number, protocol: string) => ({ listener: `${protocol}:${server.port(index)}` })
    await server.untilMetric('tcp_server_received_bytes_total', 500, listener(2, 'discard'))
    await server.untilMetric('tcp_server_connections_active', 1, listener(0, 'greet'))

    const expected: [protocol: string, counters: Record<string, number>][] = [
      ['greet', { received_bytes_total: 14 + 6, sent_bytes_total: 32 + 15, messages_total: 3, connections_opened_total: 2 }],
      ['echo', { received_bytes_total: 1_000, sent_bytes_total: 1_000, connections_active: 1, connections_opened_total: 1 }],
      ['discard', { received_bytes_total: 500, sent_bytes_total: 0, connections_active: 1, connections_opened_total: 1 }],
    ]
    for (const [index, [protocol, counters]] of expected.entries()) {
      for (const [name, value] of Object.entries(counters)) {
        expect([protocol, name, await server.metric(`tcp_server_${name}`, listener(index, protocol))]).toEqual([
          protocol,
          name,
          value,
        ])
      }
    }
    expect(await server.metric('tcp_server_connection_duration_seconds_count', listener(0, 'greet'))).toBe(1)
  })

  test('/connections shows open connections with live byte counts', async () => {
    await using server = await startServer('greet://127.0.0.1:0?max-connections=7 echo://127.0.0.1:0')
    expect((await server.connections()).connections).toEqual([])
    await using peer = await Peer.connect(server.port(0))
    await peer.ask('a', '你好，a')
    const shown = { listener: `greet:${server.port(0)}`, remoteAddress: '127.0.0.1', remotePort: peer.port, bufferedBytes: 0 }
    const first = await server.connections()
    expect(first.listeners).toEqual([
      {
        listener: `greet:${server.port(0)}`,
        active: 1,
        limit: 7,
        address: { address: '127.0.0.1', family: 'IPv4', port: server.port(0) },
      },
      expect.objectContaining({ listener: `echo:${server.port(1)}`, active: 0, limit: 10_000 }),
    ])
    expect(first.connections).toEqual([expect.objectContaining({ ...shown, receivedBytes: 1, sentBytes: 10, messages: 1 })])
    await peer.ask('\nb', '\n你好，b')
    const { connections } = await server.connections()
    expect(connections).toEqual([expect.objectContaining({ ...shown, receivedBytes: 3, sentBytes: 21, messages: 2 })])
    expect(connections[0]?.ageMs).toBeGreaterThanOrEqual(first.connections[0]?.ageMs ?? Number.NaN)
    peer.end()
    await server.untilMetric('tcp_server_connections_active', 0)
    expect((await server.connections()).connections).toEqual([])
  })

  test('all known series exist from the start, at 0', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    const series = await server.scrape()
    const listener = `listener="greet:${server.port()}"`
    const closed = ['client_closed', 'drained', 'drain_timeout', 'idle_timeout', 'slow_reader', 'reset', 'error']
    const rejected = ['max_connections', 'max_connections_per_address']
    const names = [
      ...closed.map(reason => `tcp_server_connections_closed_total{${listener},reason="${reason}"}`),
      ...rejected.map(reason => `tcp_server_connections_rejected_total{${listener},reason="${reason}"}`),
      ...['connections_active', 'connections_opened_total', 'received_bytes_total', 'sent_bytes_total', 'messages_total'].map(
        name => `tcp_server_${name}{${listener}}`,
      ),
      ...['buffered_bytes', 'read_pauses_total', 'connection_duration_seconds_count'].map(
        name => `tcp_server_${name}{${listener}}`,
      ),
      'tcp_server_draining',
    ]
    for (const name of names) expect([name, series.get(name)]).toEqual([name, 0])
    expect(series.get(`tcp_server_connections_limit{${listener}}`)).toBe(10_000)
    expect([...series.keys()].filter(name => name.startsWith('nihao_build_info{service="nihao-server",version="'))).toHaveLength(
      1,
    )
  })
})
