import { describe, expect, test } from '@jest/globals'
import { Certificates } from './support/certificates.ts'
import { startClient } from './support/client.ts'
import { mebibytes, note } from './support/figures.ts'
import { Peer, Peers } from './support/peer.ts'
import { RunningProxy } from './support/proxy.ts'
import { RunningServer, startServer } from './support/server.ts'
import { talk, testWith } from './support/tool.ts'

const trusting = { NIHAO_TRUSTED_PROXIES: '127.0.0.0/8 ::1', NIHAO_LOG_LEVEL: 'debug' }
const v1 = (address: string, port = 56_324) => `PROXY TCP4 ${address} 192.0.2.2 ${port} 443\r\n`

describe('the PROXY header', () => {
  test('its address is used by limits, logs and /connections, with the address of the proxy as via', async () => {
    await using server = await startServer('greet://127.0.0.1:0?proxy=v1&max-connections-per-address=1', { env: trusting })
    await using first = await Peer.connect(server.port())
    await first.ask(`${v1('192.0.2.1')}hi\n`, '你好，hi\n')
    await using second = await Peer.connect(server.port())
    second.send(v1('192.0.2.1', 56_325))
    await second.finished()
    expect(second.bytes.length).toBe(0)
    await using other = await Peer.connect(server.port())
    await other.ask(`${v1('192.0.2.9')}hi\n`, '你好，hi\n')

    const { connections } = await server.connections()
    expect(connections[0]).toMatchObject({
      remoteAddress: '192.0.2.1',
      remotePort: 56_324,
      via: { address: '127.0.0.1', port: first.port },
      receivedBytes: 3,
    })
    expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'max_connections_per_address' })).toBe(1)
    first.end()
    expect(await server.log({ msg: 'connection closed', remoteAddress: '192.0.2.1' })).toMatchObject({
      via: { address: '127.0.0.1', port: first.port },
      reason: 'client_closed',
      receivedBytes: 3,
    })
    await using again = await Peer.connect(server.port())
    await again.ask(`${v1('192.0.2.1')}hi\n`, '你好，hi\n')
  })

  test('can arrive byte by byte, and data and FIN in the same packet are answered', async () => {
    await using server = await startServer('greet://127.0.0.1:0?proxy=any', { env: trusting })
    await using slow = await Peer.connect(server.port())
    for (const byte of Buffer.from(`${v1('192.0.2.1')}张三\n`)) {
      slow.send(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    await slow.receives('你好，张三\n')
    await using quick = await Peer.connect(server.port())
    quick.send(`${v1('192.0.2.1')}a\nb`)
    quick.end()
    await quick.receives('你好，a\n你好，b')
    await quick.finished()
  })

  test.each([
    ['plain bytes', 'hello\n', 'malformed'],
    ['a line that is too long', `PROXY TCP4 ${'1'.repeat(200)}`, 'too_long'],
    ['the other version', Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'), 'version'],
    ['a log line', 'PROXY TCP4 1.1.1.1","msg":"owned"}\u001b[2J\n 1.1.1.2 1 2\r\n', 'malformed'],
  ])('%s in its place is refused and counted, and gets not one byte', async (_, sent, detail) => {
    await using server = await startServer('greet://127.0.0.1:0?proxy=v1', { env: trusting })
    await using peer = await Peer.connect(server.port())
    peer.send(sent)
    await peer.finished()
    expect(peer.bytes.length).toBe(0)
    expect(await server.log({ msg: 'connection rejected' })).toMatchObject({ reason: 'proxy_header', detail })
    expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'proxy_header' })).toBe(1)
    expect(await server.metric('tcp_server_connections_opened_total')).toBe(0)
    expect(server.lines.join('')).not.toMatch(/owned|\\u001b/)
  })

  test('of version 2 is rejected if its checksum is invalid, and accepted if it is valid', async () => {
    await using server = await startServer('greet://127.0.0.1:0?proxy=v2', { env: trusting })
    const header = Buffer.from('0d0a0d0a000d0a515549540a211100137f0000017f000001ac9a9caf03000400e94480', 'hex')
    await using valid = await Peer.connect(server.port())
    valid.send(Buffer.concat([header, Buffer.from('hi\n')]))
    await valid.receives('你好，hi\n')
    await using invalid = await Peer.connect(server.port())
    header.writeUInt8(0x81, header.length - 1)
    invalid.send(header)
    await invalid.finished()
    expect(invalid.bytes.length).toBe(0)
    await server.log({ msg: 'connection rejected', detail: 'checksum' })
    expect(await server.metric('tcp_server_connections_rejected_total', { reason: 'proxy_header' })).toBe(1)
  })

  test('is rejected immediately from untrusted addresses', async () => {
    await using server = await startServer('greet://127.0.0.1:0?proxy=any&trusted-proxies=192.0.2.0/24;2001:db8::/32')
    await using peer = await Peer.connect(server.port())
    await peer.finished()
    expect(await server.log({ msg: 'connection rejected' })).toMatchObject({ reason: 'proxy_header', detail: 'untrusted' })
  })

  test('that is not complete counts towards the limit of its listener; others are served', async () => {
    const limited = 'greet://127.0.0.1:0?proxy=any&handshake-timeout=5m&max-connections=100'
    await using server = await startServer(`${limited} greet://127.0.0.1:0`, { env: trusting })
    await using silent = await Peers.connect(100, server.port())
    await server.untilMetric('tcp_server_connections_active', 100)
    await using refused = await Peer.connect(server.port())
    await refused.finished()
    await using other = await Peer.connect(server.port(1))
    await other.ask('hi\n', '你好，hi\n')
    expect(silent.all.some(peer => peer.fin || peer.closed)).toBe(false)
  })

  test('that never ends is terminated and takes no memory', async () => {
    await using server = await startServer('greet://127.0.0.1:0?proxy=any&handshake-timeout=3s', { env: trusting })
    const before = server.memory().residentBytes
    await using peers = await Peers.connect(500, server.port())
    await peers.trickle(Buffer.from(`PROXY UNKNOWN ${' '.repeat(80)}`))
    await server.untilMetric('tcp_server_connections_rejected_total', 500, { reason: 'proxy_header' })
    await using next = await Peer.connect(server.port())
    await next.ask(`${v1('192.0.2.1')}hi\n`, '你好，hi\n')
    const growthBytes = server.memory().peakBytes - before
    note(`500 PROXY headers: memory grew by ${mebibytes(growthBytes)}`)
    expect(growthBytes).toBeLessThan(64 * 2 ** 20)
  })

  test('requires a valid list of trusted proxies', async () => {
    await using server = new RunningServer('greet://127.0.0.1:0?proxy=v1 greet://127.0.0.1:0?trusted-proxies=10.0.0.0/33')
    const { code, stderr } = await server.exit()
    expect(code).toBe(2)
    expect(stderr).toContain('proxy requires trusted-proxies (NIHAO_TRUSTED_PROXIES)')
    expect(stderr).toContain('option "trusted-proxies": invalid address ranges')
  })
})

describe.each([
  ['send-proxy', 'v1'],
  ['send-proxy-v2', 'v2'],
  ['send-proxy-v2 proxy-v2-options crc32c', 'v2'],
])('haproxy with %s', (directive, version) => {
  testWith('haproxy', 'in front of greet: the address is that of the client', async () => {
    await using server = await startServer(`greet://127.0.0.1:0?proxy=${version}`, { env: trusting })
    await using proxy = await RunningProxy.haproxy(`127.0.0.1:${server.port()} ${directive}`)
    await using peer = await Peer.connect(proxy.port)
    await peer.ask('张三\n', '你好，张三\n')
    // Without the connection that showed haproxy listening, which it may have passed on too.
    const connections = (await server.connections()).connections.filter(({ receivedBytes }) => receivedBytes > 0)
    expect(connections).toMatchObject([{ remoteAddress: '127.0.0.1', remotePort: peer.port, receivedBytes: 7 }])
    peer.end()
    await peer.finished()
    expect(await server.metric('tcp_server_received_bytes_total')).toBe(7)
  })

  testWith('haproxy', 'in front of probe, passing TLS through: no exchange fails', async () => {
    using roots = new Certificates()
    const { cert, key } = roots.issue()
    await using server = await startServer(`probe+tls://127.0.0.1:0?cert=${cert}&key=${key}&proxy=${version}`, { env: trusting })
    await using proxy = await RunningProxy.haproxy(`127.0.0.1:${server.port()} ${directive}`)
    const target = `probe+tls://localhost:${proxy.port}`
    await using client = await startClient(`${target}?ca=${roots.ca}&interval=20ms`)
    await client.log({ msg: 'first reply' })
    await server.untilMetric('tcp_server_connections_active', 1)
    const [connection] = (await client.connections()).map(({ localAddress }) => Number(localAddress.split(':').pop()))
    expect((await server.connections()).connections).toMatchObject([{ remotePort: connection }])
    const { [target]: totals } = await client.stop()
    expect(totals).toMatchObject({ exchangeFailures: {}, connectionFailures: {}, countersCompared: 1, countersDiffered: 0 })
  })
})

testWith('nc', 'sent by the client with send-proxy has the bytes of the specification', async () => {
  await using server = await startServer('greet://127.0.0.1:0')
  await using client = await startClient(`greet://127.0.0.1:${server.port()}?send-proxy=v1&greeting=`)
  const { error } = await client.log({ msg: 'target is not up yet' })
  expect(JSON.stringify(error)).toMatch(/PROXY TCP4 127.0.0.1 127.0.0.1 \d+ \d+/)
  expect(await talk('nc', ['-N', '127.0.0.1', `${server.port()}`], [Buffer.from('x')])).toMatchObject({ text: '你好，x' })
})

test.each(['v1', 'v2'])('both ends count the bytes after the header of %s, but not the header', async version => {
  await using server = await startServer(`probe://127.0.0.1:0?proxy=${version}`, { env: trusting })
  const target = `probe://127.0.0.1:${server.port()}`
  await using client = await startClient(`${target}?send-proxy=${version}&interval=20ms`)
  await client.log({ msg: 'first reply' })
  const { [target]: totals } = await client.stop()
  const { receivedBytes, sentBytes } = await server.log({ msg: 'connection closed' })
  expect([receivedBytes, sentBytes]).toEqual([totals?.sentBytes, totals?.receivedBytes])
})
