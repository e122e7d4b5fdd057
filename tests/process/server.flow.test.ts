import { describe, expect, test } from '@jest/globals'
import { mebibytes, note } from './support/figures.ts'
import { Peer } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const MEBIBYTE = 2 ** 20

/** More than the kernel can hold for both sides of a connection, so that the sender is sure to be stopped. */
const FLOOD = Buffer.alloc(48 * MEBIBYTE, 'x')

/** Waits until the kernel takes no more from this sender: looks several times, with the server's answers in between. */
async function untilBlocked(peer: Peer, server: RunningServer): Promise<void> {
  let lastBytes = -1
  let sameTimes = 0
  await until('the sender to block', async () => {
    await server.page('/livez')
    sameTimes = peer.sentBytes === lastBytes ? sameTimes + 1 : 0
    lastBytes = peer.sentBytes
    return sameTimes >= 20
  })
}

describe.each(['echo', 'greet'])('a peer of %s that sends and does not read', protocol => {
  test('is not read from any more: it blocks, and the server keeps no more than max-buffered and a read', async () => {
    await using server = await startServer(`${protocol}://127.0.0.1:0?max-buffered=64KiB`)
    await using peer = await Peer.connect(server.port(), { reading: false })
    const { residentBytes } = server.memory()
    peer.send(FLOOD)
    await untilBlocked(peer, server)

    expect(peer.sentBytes).toBeLessThan(FLOOD.length)
    const received = await server.metric('tcp_server_received_bytes_total')
    const buffered = await server.metric('tcp_server_buffered_bytes')
    expect(received).toBeLessThan(FLOOD.length)
    expect(buffered).toBeGreaterThan(0)
    // What was there when reading stopped, and one read of 64 KiB with what greet puts in front.
    expect(buffered).toBeLessThanOrEqual((64 + 64 + 1) * 1_024)
    expect(await server.metric('tcp_server_read_pauses_total')).toBeGreaterThan(0)
    expect((await server.connections()).connections).toEqual([expect.objectContaining({ bufferedBytes: buffered })])
    await untilBlocked(peer, server)
    expect(await server.metric('tcp_server_received_bytes_total')).toBe(received)
    const growthBytes = server.memory().residentBytes - residentBytes
    note(`${protocol}: reading stopped after ${mebibytes(received)}, memory grew by ${mebibytes(growthBytes)}`)
    expect(growthBytes).toBeLessThan(24 * MEBIBYTE)
  })

  test('gets everything once it reads on', async () => {
    await using server = await startServer(`${protocol}://127.0.0.1:0`)
    await using peer = await Peer.connect(server.port(), { reading: false })
    peer.send(FLOOD)
    peer.end()
    await untilBlocked(peer, server)
    peer.read()
    await peer.finished()
    expect(peer.bytes.length).toBe(FLOOD.length + (protocol === 'greet' ? Buffer.byteLength('你好，') : 0))
    expect(await server.metric('tcp_server_read_pauses_total')).toBeGreaterThan(0)
  })
})

describe('slow-reader-timeout', () => {
  test('cuts a reader that takes nothing, and says what it never got', async () => {
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

  test('leaves a reader alone that is slow but reads', async () => {
    await using server = await startServer('echo://127.0.0.1:0?slow-reader-timeout=1500ms')
    await using peer = await Peer.connect(server.port(), { reading: false })
    const request = FLOOD
    peer.send(request)
    peer.end()
    // A mouthful every 20 ms for more than twice the timeout.
    const untilMs = performance.now() + 3_500
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

  test('cuts a reader too that has sent its FIN, for the same reason', async () => {
    await using server = await startServer('echo://127.0.0.1:0?slow-reader-timeout=500ms&max-buffered=256MiB')
    await using peer = await Peer.connect(server.port(), { reading: false })
    peer.send(FLOOD)
    peer.end()
    const line = await server.log({ msg: 'connection closed' })
    expect(line.receivedBytes).toBe(FLOOD.length)
    expect(line.unsentBytes).toBeGreaterThan(0)
    expect(line.reason).toBe('slow_reader')
  })
})
