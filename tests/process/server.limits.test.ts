import { describe, expect, test } from '@jest/globals'
import { Peer, Peers } from './support/peer.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

/** A flood of equal lines is summarized once in this time. */
const FLOOD_WINDOW_MS = 10_000

describe('max-connections', () => {
  test('rejects further connections with a clean FIN, even if they have already sent data; the others keep working', async () => {
    await using server = await startServer('echo://127.0.0.1:0?max-connections=3')
    await using served = await Peers.connect(3, server.port())
    for (const [index, peer] of served.all.entries()) await peer.ask(`${index}`, `${index}`)

    for (const sent of ['', 'hello', 'x'.repeat(1_000_000)]) {
      // While the server stands still, so that the data has arrived when it accepts, and a peer that is late does not get a RST.
      server.kill('SIGSTOP')
      await using rejected = await Peer.connect(server.port())
      if (sent !== '') rejected.socket.end(sent)
      server.kill('SIGCONT')
      await rejected.finished()
      rejected.end()
      await until('the rejected connection to close', () => rejected.closed)
      expect(rejected.error).toBeUndefined()
      expect(rejected.bytes.length).toBe(0)
    }
    for (const peer of served.all) await peer.ask('again', 'again')
    expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'max_connections' })).toBe(3)
    expect(await server.metric('tcp_server_connections_opened_total')).toBe(3)
    expect(await server.metric('tcp_server_connections_active')).toBe(3)
    expect(await server.metric('tcp_server_connections_limit')).toBe(3)
    expect(await server.log({ msg: 'connection rejected' })).toMatchObject({ level: 'warn', reason: 'max_connections' })
  })

  test('a freed slot is usable again', async () => {
    await using server = await startServer('echo://127.0.0.1:0?max-connections=1')
    for (let turn = 0; turn < 3; turn++) {
      await using peer = await Peer.connect(server.port())
      await peer.ask('mine', 'mine')
      peer.end()
      await peer.finished()
      await server.untilMetric('tcp_server_connections_active', 0)
    }
    expect(await server.metric('tcp_server_connections_rejected_total')).toBe(0)
  })

  test('applies to the whole process, over all listeners', async () => {
    const env = { NIHAO_MAX_CONNECTIONS: '2' }
    await using server = await startServer('echo://127.0.0.1:0 greet://127.0.0.1:0', { env })
    await using first = await Peer.connect(server.port(0))
    await first.ask('1', '1')
    await using second = await Peer.connect(server.port(1))
    await second.ask('2', '你好，2')
    for (const port of [server.port(0), server.port(1)]) {
      await using rejected = await Peer.connect(port)
      await rejected.finished()
    }
    expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'max_connections' })).toBe(2)
  })

  test('a flood of rejections is logged as one line and a summary; each one is counted', async () => {
    const startMs = performance.now()
    await using server = await startServer('echo://127.0.0.1:0?max-connections=1')
    await using served = await Peer.connect(server.port())
    await served.ask('a', 'a')
    await using rejected = await Peers.connect(400, server.port())
    await until('every one to be rejected', () => rejected.all.every(peer => peer.fin || peer.closed))
    expect(rejected.all.every(peer => peer.bytes.length === 0)).toBe(true)
    await server.untilMetric('tcp_server_connections_rejected_total', 400, { reason: 'max_connections' })
    const summaries = (performance.now() - startMs) / FLOOD_WINDOW_MS
    const lines = server.logged({ reason: 'max_connections' })
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.length).toBeLessThanOrEqual(1 + summaries)
    await served.ask('b', 'b')
  })
})

describe('max-connections-per-address', () => {
  test('rejects one address and not another; a freed slot is usable again', async () => {
    await using server = await startServer('echo://127.0.0.1:0?max-connections-per-address=2')
    const from = (localAddress: string) => Peer.connect({ host: '127.0.0.1', port: server.port(), localAddress })
    await using first = await from('127.0.0.1')
    await using second = await from('127.0.0.1')
    await first.ask('1', '1')
    await second.ask('2', '2')
    await using third = await from('127.0.0.1')
    await third.finished()
    expect(third.bytes.length).toBe(0)
    await using neighbour = await from('127.0.0.2')
    await neighbour.ask('4', '4')
    const reason = 'max_connections_per_address'
    expect(await server.metric('tcp_server_connections_rejected_total', { reason })).toBe(1)
    expect(await server.log({ msg: 'connection rejected' })).toMatchObject({ reason, remoteAddress: '127.0.0.1' })

    second.end()
    await server.untilMetric('tcp_server_connections_active', 2)
    await using next = await from('127.0.0.1')
    await next.ask('5', '5')
  })

  test('as a variable counts over all listeners, and treats IPv4-mapped addresses as IPv4', async () => {
    const env = { NIHAO_MAX_CONNECTIONS_PER_ADDRESS: '2' }
    await using server = await startServer('echo://127.0.0.1:0 echo://[::]:0', { env })
    await using plain = await Peer.connect(server.port(0))
    await plain.ask('4', '4')
    await using mapped = await Peer.connect(server.port(1))
    await mapped.ask('mapped', 'mapped')
    for (const port of [server.port(0), server.port(1)]) {
      await using rejected = await Peer.connect(port)
      await rejected.finished()
    }
    await using six = await Peer.connect({ host: '::1', port: server.port(1) })
    await six.ask('6', '6')
    const reason = 'max_connections_per_address'
    for (const listener of [`echo:${server.port(0)}`, `echo:${server.port(1)}`]) {
      expect(await server.metric('tcp_server_connections_rejected_total', { listener, reason })).toBe(1)
    }
  })

  test('as an option counts on its listener only; REJECT names the limit that was reached', async () => {
    const env = { NIHAO_MAX_CONNECTIONS_PER_ADDRESS: '3' }
    await using server = await startServer('probe://127.0.0.1:0?max-connections-per-address=1 probe://127.0.0.1:0', { env })
    const says = (peer: Peer, text: string) => until(text, () => peer.text.includes(text))
    await using elsewhere = await Peer.connect(server.port(1))
    await says(elsewhere, '"version"')
    await using first = await Peer.connect(server.port(0))
    await says(first, '"version"')
    await using second = await Peer.connect(server.port(0))
    await says(second, '{"reason":"max_connections_per_address","limit":1}')
    await using third = await Peer.connect(server.port(1))
    await says(third, '"version"')
    await using fourth = await Peer.connect(server.port(1))
    await says(fourth, '{"reason":"max_connections_per_address","limit":3}')
  })
})

describe('the limit of open files', () => {
  test('is logged at startup; connections over it are counted as rejected, and the others keep working', async () => {
    await using server = await startServer('echo://127.0.0.1:0', { openFiles: 300 })
    const warning = await server.log({ level: 'warn', msg: 'max-connections lowered to fit the open file limit' })
    expect(warning).toMatchObject({ openFiles: 300 })
    const limit = Number(warning.maxConnections)
    expect(limit).toBeGreaterThan(10)
    expect(limit).toBeLessThan(300)
    expect(await server.metric('tcp_server_connections_limit')).toBe(limit)
    expect(await server.metric('tcp_server_process_connections_limit')).toBe(limit)

    await using served = await Peers.connect(limit, server.port())
    await server.untilMetric('tcp_server_connections_active', limit)
    // More connections than available files.
    await using rejected = await Peers.connect(400, server.port())
    await until('every one to be rejected', () => rejected.all.every(peer => peer.fin || peer.closed))
    await server.untilMetric('tcp_server_connections_rejected_total', 400, { reason: 'max_connections' })
    for (const peer of served.all) await peer.ask('still', 'still')
    expect((await server.page('/readyz')).status).toBe(200)
    expect(server.logged({ level: 'error' })).toEqual([])

    served.all[0]?.end()
    await server.untilMetric('tcp_server_connections_active', limit - 1)
    await using next = await Peer.connect(server.port())
    await next.ask('free again', 'free again')
  })
})
