import { describe, expect, test } from '@jest/globals'
import { mebibytes, note } from './support/figures.ts'
import { Peer } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const MEBIBYTE = 2 ** 20

/** More than the kernel can buffer on both sides of a connection, so that the sender always blocks. */
const FLOOD = Buffer.alloc(48 * MEBIBYTE, 'x')

/** The figures of the only listener, of one moment. */
async function figures(server: RunningServer): Promise<{ received: number; buffered: number; pauses: number }> {
  const series = await server.scrape()
  const of = (name: string) => [...series].find(([text]) => text.startsWith(`tcp_server_${name}{`))?.[1] ?? Number.NaN
  return { received: of('received_bytes_total'), buffered: of('buffered_bytes'), pauses: of('read_pauses_total') }
}

describe.each(['echo', 'greet'])('a peer of %s that sends and does not read', protocol => {
  test('is no longer read from: it blocks, and the server buffers at most max-buffered plus one read', async () => {
    await using server = await startServer(`${protocol}://127.0.0.1:0?max-buffered=64KiB`)
    await using peer = await Peer.connect(server.port(), { reading: false })
    await figures(server)
    const { residentBytes } = server.memory()
    peer.send(FLOOD)
    // The kernel may take more at any time. Without a limit, the server would read everything meanwhile.
    let received = -1
    let sameTimes = 0
    await until('reading to stop', async () => {
      const now = await figures(server)
      // The bytes buffered when reading stopped, and one read of 64 KiB with greetings.
      expect(now.buffered).toBeLessThanOrEqual((64 + 64 + 1) * 1_024)
      sameTimes = now.received === received && now.buffered > 0 && now.pauses > 0 ? sameTimes + 1 : 0
      received = now.received
      return sameTimes >= 20
    })
    expect(received).toBeLessThan(FLOOD.length)
    await until('/connections to show the same', async () => {
      const { buffered } = await figures(server)
      const { connections } = await server.connections()
      return buffered > 0 && connections.length === 1 && connections[0]?.bufferedBytes === buffered
    })
    const growthBytes = server.memory().residentBytes - residentBytes
    note(`${protocol}: reading stopped after ${mebibytes(received)}, memory grew by ${mebibytes(growthBytes)}`)
    // Less than what it would hold of the flood without a limit.
    expect(growthBytes).toBeLessThan(40 * MEBIBYTE)
  })

  test('gets everything once it resumes reading', async () => {
    await using server = await startServer(`${protocol}://127.0.0.1:0`)
    await using peer = await Peer.connect(server.port(), { reading: false })
    peer.send(FLOOD)
    peer.end()
    await until('reading to pause', async () => (await figures(server)).pauses > 0)
    peer.read()
    await peer.finished()
    expect(peer.bytes.length).toBe(FLOOD.length + (protocol === 'greet' ? Buffer.byteLength('你好，') : 0))
  })
})

describe('slow-reader-timeout', () => {
  test('terminates a connection whose peer does not read, and logs the unsent bytes', async () => {
    await using server = await startServer('echo://127.0.0.1:0?slow-reader-timeout=500ms')
    await using peer = await Peer.connect(server.port(), { reading: false })
    await using other = await Peer.connect(server.port())
    peer.send(FLOOD)
    const line = await server.log({ msg: 'connection closed' })
    expect(line).toMatchObject({ level: 'info', reason: 'slow_reader', remotePort: peer.port })
    expect(line.unsentBytes).toBeGreaterThan(0)
    expect(Number(line.sentBytes) + Number(line.unsentBytes)).toBeLessThanOrEqual(Number(line.receivedBytes))
    expect(line.durationMs).toBeGreaterThanOrEqual(500)
    await server.untilMetric('tcp_server_connections_closed_total', 1, { reason: 'slow_reader' })
    expect(await server.metric('tcp_server_sent_bytes_total')).toBe(line.sentBytes)
    expect(await server.metric('tcp_server_buffered_bytes')).toBe(0)
    await until('the peer to be cut', () => peer.closed)
    await other.ask('still here', 'still here')
  })

  test('does not affect a slow reader that makes progress', async () => {
    await using server = await startServer('echo://127.0.0.1:0?slow-reader-timeout=2500ms')
    await using peer = await Peer.connect(server.port(), { reading: false })
    const request = FLOOD
    peer.send(request)
    peer.end()
    // A small read every 20 ms for more than twice the timeout.
    const untilMs = performance.now() + 5_500
    let taken = 0
    await until('a while of slow reading', () => {
      taken += peer.socket.read(65_536)?.length ?? 0
      return performance.now() > untilMs
    })
    expect(taken).toBeGreaterThan(0)
    expect(server.logged({ msg: 'connection closed' })).toEqual([])
    peer.read()
    await peer.finished()
    expect(taken + peer.bytes.length).toBe(request.length)
    expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'client_closed' })
  })

  test('also terminates a connection whose peer has sent FIN, for the same reason', async () => {
    const greeting = 'g'.repeat(1_000)
    await using server = await startServer(
      `greet://127.0.0.1:0?slow-reader-timeout=500ms&max-buffered=256MiB&greeting=${greeting}`,
    )
    await using peer = await Peer.connect(server.port(), { reading: false })
    // A request that is received at once, with more replies than the kernel holds.
    peer.socket.end(Buffer.alloc(32_000, '\n'))
    const line = await server.log({ msg: 'connection closed' })
    expect(line).toMatchObject({ reason: 'slow_reader', receivedBytes: 32_000 })
    expect(line.unsentBytes).toBeGreaterThan(0)
  })
})

test('one read of line ends is answered before the FIN after it, although the kernel cannot buffer all replies', async () => {
  const greeting = 'g'.repeat(200)
  await using server = await startServer(`greet://127.0.0.1:0?greeting=${greeting}`)
  await using peer = await Peer.connect(server.port(), { reading: false })
  const lines = 65_000
  peer.send(Buffer.alloc(lines, '\n'))
  peer.end()
  await until('reading to pause', async () => (await figures(server)).pauses > 0)
  let receivedBytes = 0
  peer.socket.on('data', chunk => {
    receivedBytes += chunk.length
  })
  await peer.finished()
  expect(receivedBytes).toBe(lines * (greeting.length + 1))
  peer.end()
  expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'client_closed', messages: lines })
})
