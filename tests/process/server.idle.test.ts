import { describe, expect, test } from '@jest/globals'
import { mebibytes, note } from './support/figures.ts'
import { Peer, Peers } from './support/peer.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

describe('idle-timeout', () => {
  test('ends an idle connection with FIN, but not an active one', async () => {
    await using server = await startServer('greet://127.0.0.1:0?idle-timeout=3s')
    await using idle = await Peer.connect(server.port())
    await using silent = await Peer.connect(server.port())
    await using busy = await Peer.connect(server.port())
    await idle.ask('hi\n', '你好，hi\n')
    const busyUntil = (what: string, state: () => boolean | Promise<boolean>) =>
      until(what, async () => {
        await busy.ask('.', busy.text === '' ? '你好，.' : '.')
        return state()
      })
    await busyUntil('the idle ones to be ended', () => idle.fin && silent.fin)
    expect(idle.text).toBe('你好，hi\n')
    idle.end()
    silent.end()
    const closed = () => server.metric('tcp_server_connections_closed_total', { reason: 'idle_timeout' })
    await busyUntil('the idle ones to be closed', async () => (await closed()) === 2)
    const line = await server.log({ msg: 'connection closed', remotePort: idle.port })
    expect(line.reason).toBe('idle_timeout')
    expect(line.durationMs).toBeGreaterThanOrEqual(3_000)
  })

  test('terminates the connection of a peer that does not answer the FIN', async () => {
    await using server = await startServer('greet://127.0.0.1:0?idle-timeout=200ms')
    await using peer = await Peer.connect(server.port())
    await peer.finished()
    await server.untilMetric('tcp_server_connections_closed_total', 1, { reason: 'idle_timeout' })
    expect(await server.metric('tcp_server_connections_active')).toBe(0)
  })

  test('of one listener does not apply to another, and 0s means never', async () => {
    await using server = await startServer(
      'echo://127.0.0.1:0?idle-timeout=200ms echo://127.0.0.1:0?idle-timeout=0s&slow-reader-timeout=200ms',
    )
    await using never = await Peer.connect(server.port(1))
    await using soon = await Peer.connect(server.port(0))
    await soon.finished()
    await never.ask('still here', 'still here')
  })
})

test('5,000 idle connections: all are served, /metrics and /connections show them, and all are freed', async () => {
  const count = 5_000
  await using server = await startServer('echo://127.0.0.1:0')
  const { residentBytes } = server.memory()
  {
    await using peers = await Peers.connect(count, server.port())
    await server.untilMetric('tcp_server_connections_active', count)
    const openBytes = server.memory().residentBytes - residentBytes
    const startedAtMs = performance.now()
    const series = await server.scrape()
    const scrapeMs = performance.now() - startedAtMs
    const { connections } = await server.connections()
    const pageMs = performance.now() - startedAtMs - scrapeMs
    note(
      `${count} idle connections: ${mebibytes(openBytes)} more (${Math.round(openBytes / count)} bytes each), ` +
        `a scrape takes ${scrapeMs.toFixed(0)} ms, /connections ${pageMs.toFixed(0)} ms`,
    )
    expect(series.get(`tcp_server_connections_active{listener="echo:${server.port()}"}`)).toBe(count)
    expect(new Set(connections.map(({ remotePort }) => remotePort)).size).toBe(count)
    for (const peer of [peers.all[0], peers.all[2_500], peers.all[4_999]]) await peer?.ask('here', 'here')
    expect(await server.metric('tcp_server_received_bytes_total')).toBe(3 * 'here'.length)
  }
  await server.untilMetric('tcp_server_connections_active', 0)
  expect(await server.metric('tcp_server_connections_closed_total', { reason: 'client_closed' })).toBe(count)
})
