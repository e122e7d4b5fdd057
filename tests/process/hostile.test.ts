import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { mebibytes, note } from './support/figures.ts'
import { frame, frameHeader as header, pongTo } from './support/frames.ts'
import { Peer, Peers } from './support/peer.ts'
import { probe } from './support/probe-server.ts'
import { type Script, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const MEBIBYTE = 2 ** 20
const CONNECTIONS = 10_000
const env = { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '500ms' }

const ping = frame(2, 'x')
const bye = frame(6, '')

/** Whether the last frame is the PONG to the PING above, whatever its times. */
const hasPong = (peer: Peer) => peer.bytes.subarray(-34, -24).equals(pongTo(ping).subarray(0, 10))

const openFiles = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])

describe('the server keeps serving others', () => {
  test('while a hundred peers send a frame byte by byte', async () => {
    await using server = await startServer('probe://127.0.0.1:0')
    const target = `probe://127.0.0.1:${server.port()}`
    await using client = await startClient(target, { env: { NIHAO_INTERVAL: '10ms', NIHAO_TIMEOUT: '10s' } })
    await using slow = await Peers.connect(100, server.port())
    await until('a HELLO for each', () => slow.all.every(peer => peer.bytes.length > 0))
    for (const byte of ping) {
      for (const peer of slow.all) peer.send(Buffer.of(byte))
      await delay(50)
    }
    await until('a PONG for each', () => slow.all.every(hasPong))
    await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) > 50)
    const { [target]: totals } = await client.stop()
    expect(totals).toMatchObject({ exchangeFailures: {}, outages: {} })
  })

  test('while 499 peers send all of a 1 MiB frame except its end, in constant memory', async () => {
    await using server = await startServer('probe://127.0.0.1:0')
    await using witness = await Peer.connect(server.port())
    const before = server.memory().residentBytes
    await using slow = await Peers.connect(499, server.port())
    const sentBytes = 1_023 * 1_024
    for (const peer of slow.all) peer.send(header(MEBIBYTE + 9, 2))
    for (let sent = 0; sent < sentBytes; sent += 33 * 1_024) {
      for (const peer of slow.all) peer.send(Buffer.alloc(33 * 1_024))
      await until('it to be out', () => slow.all.every(peer => peer.socket.writableLength === 0))
    }
    await server.untilMetric('tcp_server_received_bytes_total', 499 * (sentBytes + 9))
    const grown = server.memory().residentBytes - before
    note(`499 unfinished frames of 1 MiB: ${mebibytes(grown)} of memory`)
    expect(grown).toBeLessThan(100 * MEBIBYTE) // 48 MiB are the buffers of one read each
    witness.send(ping)
    await until('a PONG', () => hasPong(witness))
  })

  const manyTest = openFiles >= CONNECTIONS + 500 ? test : test.skip
  manyTest(`while ${CONNECTIONS} connections never say a word`, async () => {
    const settings = { NIHAO_MAX_CONNECTIONS: String(CONNECTIONS + 100) }
    await using server = await startServer('probe://127.0.0.1:0?max-connections=0', { env: settings })
    const before = server.memory().residentBytes
    await using silent = await Peers.connect(CONNECTIONS, server.port())
    await server.untilMetric('tcp_server_connections_active', CONNECTIONS)
    await until('a HELLO for each', () => silent.all.every(peer => peer.bytes.length > 0))
    const grown = server.memory().residentBytes - before
    note(`${CONNECTIONS} silent connections: ${mebibytes(grown)} of memory, ${Math.round(grown / CONNECTIONS / 1_024)} KiB each`)
    expect(grown).toBeLessThan(300 * MEBIBYTE)
    const target = `probe://127.0.0.1:${server.port()}`
    await using client = await startClient(target, { env: { ...env, NIHAO_TIMEOUT: '10s' } })
    await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 20)
    const { [target]: totals } = await client.stop()
    expect(totals).toMatchObject({ exchangeFailures: {}, outages: {} })
    // One line for each connection that said something, at its end: these say nothing.
    expect(server.lines.length).toBeLessThan(20)
  })
})

const wrong: [name: string, bytes: Buffer, reason: string][] = [
  ['a length of 0xffffffff', header(0xffffffff, 2), 'frame_too_long'],
  ['a length of one more than the most', header(MEBIBYTE + 10, 2), 'frame_too_long'],
  ['a length of 8', header(8, 2), 'frame_too_short'],
  ['a line of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'frame_too_long'],
  ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex'), 'frame_too_long'],
  ['part of a header', Buffer.from('00000009', 'hex'), 'none'],
  ['zeros', Buffer.alloc(100), 'frame_too_short'],
  ['a frame of a type that only a server sends', Buffer.concat([ping, frame(1, '{}')]), 'frame_type'],
  ['a frame of an unknown type', frame(99, ''), 'frame_type'],
  ['a frame behind BYE', Buffer.concat([bye, ping]), 'frame_type'],
]

describe('garbage to a probe port', () => {
  test.each(wrong)('%s is counted under its reason and answered by FIN', async (_, bytes, reason) => {
    await using server = await startServer('probe://127.0.0.1:0')
    await using witness = await Peer.connect(server.port())
    await using peer = await Peer.connect(server.port())
    peer.send(bytes)
    if (reason === 'none') peer.end()
    await peer.finished()
    peer.end()
    const line = await server.log({ msg: 'connection closed' })
    expect(line.reason).toBe(reason === 'none' ? 'client_closed' : 'protocol_error')
    expect(JSON.stringify(line).length).toBeLessThan(512)
    const errors = [...(await server.scrape())].filter(([series]) => series.startsWith('tcp_server_protocol_errors_total'))
    const counted = errors.filter(([, count]) => count > 0).map(([series, count]) => [/reason="(\w+)"/.exec(series)?.[1], count])
    expect(counted).toEqual(reason === 'none' ? [] : [[reason, 1]])
    expect(peer.error).toBeUndefined()
    expect(hasPong(peer)).toBe(bytes.includes(ping) && !bytes.subarray(0, bye.length).equals(bye))
    expect(line.messages).toBe(hasPong(peer) ? 1 : 0)
    witness.send(ping)
    await until('a PONG', () => hasPong(witness))
  })

  test('a flood after an invalid frame is discarded, in constant memory', async () => {
    await using server = await startServer('probe://127.0.0.1:0')
    await using peer = await Peer.connect(server.port())
    const before = server.memory().residentBytes
    peer.send(header(0xffffffff, 2))
    for (let sent = 0; sent < 256; sent++) peer.send(Buffer.alloc(MEBIBYTE))
    await peer.finished()
    await server.log({ msg: 'connection closed' })
    expect(server.memory().residentBytes - before).toBeLessThan(128 * MEBIBYTE)
  })
})

/** What hello a server sends, and how the client takes it. */
const hellos: [name: string, script: Script, reason: string][] = [
  [
    '100 MiB long',
    socket => {
      socket.write(header(100 * MEBIBYTE + 9, 1))
      for (let sent = 0; sent < 100; sent++) socket.write(Buffer.alloc(MEBIBYTE, 0x20))
    },
    'protocol',
  ],
  ['of a length of 0xffffffff', socket => void socket.write(header(0xffffffff, 1)), 'protocol'],
  ['that is no JSON', socket => void socket.write(frame(1, '{"version":1')), 'protocol'],
  ['without a name', socket => void socket.write(frame(1, '{"version":1}')), 'protocol'],
  ['with a name that is no text', socket => void socket.write(frame(1, '{"version":1,"server":{"toString":1}}')), 'protocol'],
  ['of another version', socket => void socket.write(frame(1, '{"version":2,"server":"s"}')), 'protocol'],
  ['that is a line of text', socket => void socket.write('220 mail.example.com ESMTP\r\n'), 'protocol'],
  ['that is a PONG', socket => void socket.write(pongTo(ping)), 'protocol'],
  ['that never comes', () => {}, 'timeout'],
  ['that never ends', socket => void socket.write(frame(1, '{"version":1,"server":"s"}').subarray(0, -1)), 'timeout'],
]

/** A server that says nothing by itself. */
const answerPings = probe(Buffer.alloc(0))

/** Control characters as logs and reports show them. */
const escaped = (text: string) => text.replaceAll(/\p{Cc}/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)

describe('a HELLO', () => {
  test.each(hellos)('%s', async (_, script, reason) => {
    await using server = await ScriptedServer.listen(script)
    const timeout = reason === 'timeout' ? '500ms' : '30s'
    await using client = await startClient(`probe://127.0.0.1:${server.port}?timeout=${timeout}`, { env })
    const before = client.memory().residentBytes
    expect(await client.log({ msg: 'target is not up yet' })).toMatchObject({ reason })
    await until('three attempts', () => server.accepted >= 3)
    for (const line of client.lines) expect(line.length).toBeLessThan(600)
    expect(client.memory().peakBytes - before).toBeLessThan(40 * MEBIBYTE)
  })

  test('with a name of 15,000 characters and line ends is truncated to the length of a host name, on one line of the log', async () => {
    const name = `a\n{"level":"fatal","msg":"forged"}\r\n\u001b[2J${'x'.repeat(15_000)}`
    await using server = await ScriptedServer.listen(probe(frame(1, JSON.stringify({ version: 1, server: name }))))
    await using client = await startClient(`probe://127.0.0.1:${server.port}`, { env: { ...env, NIHAO_TIMEOUT: '30s' } })
    expect((await client.log({ msg: 'first reply' })).serverName).toBe(escaped(name.slice(0, 253)))
    expect(client.logged({ level: 'fatal' })).toEqual([])
    for (const line of client.lines) expect(line.length).toBeLessThan(1_000)
  })

  test('may arrive byte by byte, as may a REJECT', async () => {
    const rejected = { reason: `fault\n${'y'.repeat(10_000)}` }
    let rejecting = true
    await using server = await ScriptedServer.listen(async socket => {
      const bytes = rejecting ? frame(5, JSON.stringify(rejected)).subarray(0, 400) : frame(1, '{"version":1,"server":"s"}')
      answerPings(socket)
      for (const byte of bytes) {
        socket.write(Buffer.of(byte))
        await delay(1)
      }
      if (bytes.length === 400) socket.write(frame(5, JSON.stringify(rejected)).subarray(400))
    })
    await using client = await startClient(`probe://127.0.0.1:${server.port}`, { env: { ...env, NIHAO_TIMEOUT: '30s' } })
    const { reason, error } = await client.log({ msg: 'target is not up yet' })
    expect([reason, error]).toMatchObject(['rejected', { message: escaped(rejected.reason.slice(0, 253)) }])
    rejecting = false
    await client.log({ msg: 'target is up' })
  })
})
