import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import { startClient } from './support/client.ts'
import { mebibytes, note } from './support/figures.ts'
import { Peer, Peers } from './support/peer.ts'
import { type Script, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const MEBIBYTE = 2 ** 20
const CONNECTIONS = 10_000
const env = { NIHAO_INTERVAL: '50ms', NIHAO_TIMEOUT: '500ms' }

/** A header of a frame, whatever sense it makes. The crc is that of no payload. */
function header(length: number, type: number): Buffer {
  const bytes = Buffer.alloc(13)
  bytes.writeUInt32BE(length)
  bytes[4] = type
  return bytes
}

function frame(type: number, payload: string): Buffer {
  const bytes = Buffer.concat([header(9 + Buffer.byteLength(payload), type), Buffer.from(payload)])
  bytes.writeUInt32BE(crc32(payload), 9)
  return bytes
}

/** A PING of the payload x, and the PONG to it. */
const ping = frame(2, 'x')
const pong = frame(3, 'x')

const openFiles = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])

describe('the server goes on serving others', () => {
  test('while a hundred peers send a frame byte by byte', async () => {
    await using server = await startServer('probe://127.0.0.1:0')
    const target = `probe://127.0.0.1:${server.port()}`
    await using client = await startClient(target, { env: { NIHAO_INTERVAL: '10ms', NIHAO_TIMEOUT: '500ms' } })
    await using slow = await Peers.connect(100, server.port())
    await until('a HELLO for each', () => slow.all.every(peer => peer.bytes.length > 0))
    for (const byte of ping) {
      for (const peer of slow.all) peer.send(Buffer.of(byte))
      await delay(50)
    }
    await until('a PONG for each', () => slow.all.every(peer => peer.bytes.subarray(-pong.length).equals(pong)))
    const { [target]: totals } = await client.stop()
    expect(totals).toMatchObject({ exchangeFailures: {}, outages: {} })
    expect(totals?.exchanges).toBeGreaterThan(50)
  })

  test('while two hundred peers announce a mebibyte and send a tenth of it, in small pieces: memory is what has come', async () => {
    await using server = await startServer('probe://127.0.0.1:0')
    await using witness = await Peer.connect(server.port())
    const before = server.memory().residentBytes
    await using slow = await Peers.connect(200, server.port())
    const sentBytes = 100 * 1_024
    for (const peer of slow.all) peer.send(header(MEBIBYTE + 9, 2))
    for (let sent = 0; sent < sentBytes; sent += 2_048) {
      for (const peer of slow.all) peer.send(Buffer.alloc(2_048))
      await until('it to be out', () => slow.all.every(peer => peer.socket.writableLength === 0))
    }
    await server.untilMetric('tcp_server_received_bytes_total', 200 * (sentBytes + 13))
    const grown = server.memory().residentBytes - before
    note(`200 x 100 KiB of unfinished frames: ${mebibytes(grown)} of memory`)
    expect(grown).toBeLessThan(100 * MEBIBYTE)
    witness.send(ping)
    await until('a PONG', () => witness.bytes.subarray(-pong.length).equals(pong))
  })

  const manyTest = openFiles >= CONNECTIONS + 500 ? test : test.skip
  manyTest(
    `while ${CONNECTIONS} connections never say a word`,
    async () => {
      const settings = { NIHAO_MAX_CONNECTIONS: String(CONNECTIONS + 100) }
      await using server = await startServer('probe://127.0.0.1:0?max-connections=0', { env: settings })
      const before = server.memory().residentBytes
      await using silent = await Peers.connect(CONNECTIONS, server.port())
      await server.untilMetric('tcp_server_connections_active', CONNECTIONS, {}, 20_000)
      await until('a HELLO for each', () => silent.all.every(peer => peer.bytes.length > 0))
      const grown = server.memory().residentBytes - before
      note(
        `${CONNECTIONS} silent connections: ${mebibytes(grown)} of memory, ${Math.round(grown / CONNECTIONS / 1_024)} KiB each`,
      )
      expect(grown).toBeLessThan(300 * MEBIBYTE)
      const target = `probe://127.0.0.1:${server.port()}`
      await using client = await startClient(target, { env })
      await until('exchanges', async () => (await client.metric('tcp_client_exchanges_total')) >= 20)
      const { [target]: totals } = await client.stop()
      expect(totals).toMatchObject({ exchangeFailures: {}, outages: {} })
      // One line for each connection that said something, at its end: these say nothing.
      expect(server.lines.length).toBeLessThan(20)
    },
    90_000,
  )
})

const wrong: [name: string, bytes: Buffer, reason: string][] = [
  ['a length of 0xffffffff', header(0xffffffff, 2), 'frame_too_long'],
  ['a length of one more than the most', header(MEBIBYTE + 10, 2), 'frame_too_long'],
  ['a length of 8', header(8, 2), 'frame_too_short'],
  ['a line of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'frame_too_long'],
  ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex').subarray(0, 11), 'none'],
  ['zeros', Buffer.alloc(100), 'frame_too_short'],
  ['a frame of a type that only a server sends', Buffer.concat([ping, header(9, 1)]), 'frame_type'],
  ['a frame of an unknown type', header(9, 99), 'frame_type'],
  ['a frame behind BYE', Buffer.concat([header(9, 6), ping]), 'frame_type'],
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
    const counted = await server.scrape()
    for (const [series, value] of counted) {
      if (series.startsWith('tcp_server_protocol_errors_total')) expect(value).toBe(series.includes(`"${reason}"`) ? 1 : 0)
    }
    expect(peer.error).toBeUndefined()
    witness.send(ping)
    await until('a PONG', () => witness.bytes.subarray(-pong.length).equals(pong))
  })

  test('a flood behind a wrong frame is thrown away, in no more memory', async () => {
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
  ['that is a PONG', socket => void socket.write(pong), 'protocol'],
  ['that never comes', () => {}, 'timeout'],
  ['that never ends', socket => void socket.write(frame(1, '{"version":1,"server":"s"}').subarray(0, -1)), 'timeout'],
]

/** Control characters as logs and reports show them. */
const escaped = (text: string) => text.replaceAll(/\p{Cc}/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)

describe('a HELLO', () => {
  test.each(hellos)('%s', async (_, script, reason) => {
    await using server = await ScriptedServer.listen(script)
    await using client = await startClient(`probe://127.0.0.1:${server.port}`, { env })
    const before = client.memory().residentBytes
    expect(await client.log({ msg: 'outage began' })).toMatchObject({ reason, closedBy: 'none' })
    await until('three attempts', () => server.accepted >= 3)
    for (const line of client.lines) expect(line.length).toBeLessThan(600)
    expect(client.memory().peakBytes - before).toBeLessThan(40 * MEBIBYTE)
  })

  test('with a name of a megabyte and line ends is cut to the length of a host name, on one line of the log', async () => {
    const name = `a\n{"level":"fatal","msg":"forged"}\r\n\u001b[2J${'x'.repeat(1_000_000)}`
    await using server = await ScriptedServer.listen(socket => {
      socket.write(frame(1, JSON.stringify({ version: 1, server: name })))
      socket.on('data', (bytes: Buffer) => {
        bytes[4] = 3
        socket.write(bytes)
      })
    })
    await using client = await startClient(`probe://127.0.0.1:${server.port}`, { env })
    expect((await client.log({ msg: 'first reply' })).serverName).toBe(escaped(name.slice(0, 253)))
    expect(client.logged({ level: 'fatal' })).toEqual([])
    for (const line of client.lines) expect(line.length).toBeLessThan(1_000)
  })

  test('is waited for byte by byte, and a REJECT as well', async () => {
    const rejected = { reason: `fault\n${'y'.repeat(10_000)}` }
    let first = true
    await using server = await ScriptedServer.listen(async socket => {
      const bytes = first ? frame(5, JSON.stringify(rejected)).subarray(0, 400) : frame(1, '{"version":1,"server":"s"}')
      first = false
      socket.on('data', (data: Buffer) => {
        data[4] = 3
        socket.write(data)
      })
      for (const byte of bytes) {
        socket.write(Buffer.of(byte))
        await delay(1)
      }
      if (bytes.length === 400) socket.write(frame(5, JSON.stringify(rejected)).subarray(400))
    })
    await using client = await startClient(`probe://127.0.0.1:${server.port}`, { env: { ...env, NIHAO_TIMEOUT: '5s' } })
    const { reason, error } = await client.log({ msg: 'outage began' })
    expect([reason, error]).toMatchObject(['rejected', { message: escaped(rejected.reason.slice(0, 253)) }])
    await client.log({ msg: 'outage over' })
  })
})
