import { expect, test } from '@jest/globals'
import { mebibytes, note } from './support/figures.ts'
import { Peer, Peers } from './support/peer.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const MEBIBYTE = 2 ** 20
const LIMIT_BYTES = 16 * MEBIBYTE

/** Each line end gets a greeting: more replies than the kernel holds for one connection. */
const FLOOD = Buffer.alloc(2 * MEBIBYTE, '\n')

const HOSTILE = 60
/** A flood of equal lines is summarized once in this time. */
const FLOOD_WINDOW_MS = 10_000

test('peers that send and do not read hold no more than max-buffered-total; others are served, new ones rejected', async () => {
  const startMs = performance.now()
  const env = { NIHAO_MAX_BUFFERED_TOTAL: '16MiB', NIHAO_SLOW_READER_TIMEOUT: '0s', NIHAO_MAX_BUFFERED: '4MiB' }
  await using server = await startServer('greet://127.0.0.1:0 probe://127.0.0.1:0', { env })
  await using honest = await Peer.connect(server.port())
  const residentBytes = server.memory().residentBytes
  {
    await using hostile = await Peers.connect(HOSTILE, server.port())
    const flood = (peer: Peer) => {
      peer.socket.pause()
      peer.send(FLOOD)
    }
    for (const peer of hostile.all) flood(peer)
    let heldBytes = 0
    await until('a rejection', async () => {
      await honest.ask('hi\n', '你好，hi\n')
      heldBytes = Math.max(heldBytes, await server.metric('tcp_server_held_bytes'))
      await using next = await Peer.connect(server.port(1))
      await until('HELLO or REJECT', () => next.bytes.length > 0)
      if (next.text.includes('{"reason":"overload","limit":null}')) return true
      // A busy machine may miss the second for which connections are rejected after the limit was exceeded.
      const another = await Peer.connect(server.port())
      hostile.all.push(another)
      flood(another)
      return false
    })
    let received = -1
    await until('the server to read no more from them', async () => {
      await honest.ask('hi\n', '你好，hi\n')
      heldBytes = Math.max(heldBytes, await server.metric('tcp_server_held_bytes'))
      const before = received + Buffer.byteLength('hi\n')
      received = await server.metric('tcp_server_received_bytes_total')
      return received === before
    })
    const terminated = await server.metric('tcp_server_connections_closed_total', { reason: 'slow_reader' })
    expect(terminated).toBeGreaterThan(0)
    const growthBytes = server.memory().peakBytes - residentBytes
    note(
      `siege: ${terminated} of ${hostile.all.length} terminated, ${mebibytes(heldBytes)} held, memory grew by ${mebibytes(growthBytes)}`,
    )
    expect(heldBytes).toBeLessThanOrEqual(LIMIT_BYTES)
    // Without the limit, these peers hold more than 240 MiB. Most of this is garbage, whose amount varies.
    expect(growthBytes).toBeLessThan(LIMIT_BYTES + 200 * MEBIBYTE)
  }
  expect(await server.metric('tcp_server_buffered_bytes_limit')).toBe(LIMIT_BYTES)
  expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'overload' })).toBeGreaterThan(0)
  const relief = await server.log({ msg: 'buffer limit exceeded: terminated slow readers' })
  expect(relief).toMatchObject({ level: 'warn', limitBytes: LIMIT_BYTES })
  expect(relief.terminated).toBeGreaterThan(0)
  const summaries = (performance.now() - startMs) / FLOOD_WINDOW_MS
  expect(server.logged({ msg: relief.msg }).length).toBeLessThanOrEqual(1 + summaries)
  expect(server.logged({ reason: 'slow_reader', remotePort: honest.port })).toEqual([])

  await server.untilMetric('tcp_server_held_bytes', 0)
  await until('a new connection to be served', async () => {
    await using next = await Peer.connect(server.port(1))
    await until('HELLO or REJECT', () => next.bytes.length > 0)
    return next.text.includes('"version"')
  })
})
