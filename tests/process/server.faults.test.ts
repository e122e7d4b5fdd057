import { spawn } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { DEADLINE_MS, until } from './support/until.ts'

const noise = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16)).update(Buffer.alloc(100_000))

/** Input that any open port receives sooner or later. */
const garbage: [name: string, bytes: Buffer][] = [
  ['zeros', Buffer.alloc(10_000)],
  ['line ends only', Buffer.alloc(50_000, '\n')],
  ['random bytes', noise],
  ['an HTTP request', Buffer.from('GET /../../etc/passwd HTTP/1.1\r\nHost: %n%s\r\n\r\n')],
  ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex')],
  ['terminal control and log forgery', Buffer.from('\x1b[2J\x1b]0;x\x07\r\n{"level":"fatal","msg":"forged"}\n')],
  ['broken UTF-8', Buffer.from('c0afeda080f4908080fefe0a80', 'hex')],
]

const waysOut: [name: string, leave: (peer: Peer) => void][] = [
  ['a FIN', peer => peer.end()],
  ['a RST', peer => peer.reset()],
  ['a close without reading', peer => peer.socket.destroy()],
]

describe('garbage', () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startServer('greet://127.0.0.1:0 echo://127.0.0.1:0 discard://127.0.0.1:0', {
      env: { NIHAO_LOG_LEVEL: 'debug' },
    })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each(waysOut)('of any kind, followed by %s, ends its own connection only', async (_, leave) => {
    await using witness = await Peer.connect(server.port(1))
    for (const [, bytes] of garbage) {
      for (const listener of [0, 1, 2]) {
        const peer = await Peer.connect(server.port(listener), { reading: false })
        peer.send(bytes)
        await until('the bytes to be out', () => peer.sentBytes === bytes.length)
        leave(peer)
        peer.read()
        await until('the connection to end', () => peer.closed)
      }
    }
    // One more on each listener: connections are accepted in order, so all others were accepted before its end.
    for (const listener of [0, 1, 2]) {
      await using last = await Peer.connect(server.port(listener))
      last.end()
      await last.finished()
    }
    // A connection that is reset in the accept queue may disappear before it is accepted; all others end, except the witness.
    const opened = await server.metric('tcp_server_connections_opened_total')
    expect(opened).toBeGreaterThan(garbage.length)
    await server.untilMetric('tcp_server_connections_closed_total', opened - 1)
    await until('every end in the log', () => server.logged({ msg: 'connection closed' }).length === opened - 1)
    await witness.ask('well', 'well')
    expect(server.logged({ level: 'error' }).concat(server.logged({ level: 'fatal' }))).toEqual([])
  })

  test('never appears in the log, whose lines stay short', () => {
    expect(server.lines.length).toBeGreaterThan(garbage.length)
    for (const line of server.lines) expect(line.length).toBeLessThan(512)
    expect(server.lines.join()).not.toMatch(/passwd|forged|%n/)
  })
})

test('a RST during an exchange is counted and logged as reset, with the system error', async () => {
  await using server = await startServer('greet://127.0.0.1:0')
  await using witness = await Peer.connect(server.port())
  const peer = await Peer.connect(server.port())
  await peer.ask('half a li', '你好，half a li')
  peer.reset()
  const line = await server.log({ msg: 'connection closed' })
  expect(line).toMatchObject({ level: 'info', reason: 'reset', remotePort: peer.port, receivedBytes: 9 })
  expect(line.error).toMatchObject({ code: 'ECONNRESET' })
  expect(JSON.stringify(line)).not.toContain('stack')
  await server.untilMetric('tcp_server_connections_closed_total', 1, { reason: 'reset' })
  await witness.ask('well', '你好，well')
})

test('a RST while the reader stalls frees all resources', async () => {
  await using server = await startServer('echo://127.0.0.1:0')
  const peer = await Peer.connect(server.port(), { reading: false })
  peer.send(Buffer.alloc(64 * 2 ** 20))
  await until('the server to pause', async () => (await server.metric('tcp_server_buffered_bytes')) > 0)
  peer.reset()
  await server.untilMetric('tcp_server_connections_closed_total', 1, { reason: 'reset' })
  expect(await server.metric('tcp_server_buffered_bytes')).toBe(0)
  expect(await server.metric('tcp_server_connections_active')).toBe(0)
})

describe('a port scan', () => {
  test('is counted, and logged at debug only', async () => {
    for (const level of ['info', 'debug']) {
      await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_LOG_LEVEL: level } })
      for (const way of ['end', 'resetAndDestroy', 'destroy'] as const) {
        for (let scan = 0; scan < 20; scan++) {
          const socket = connect(server.port(), '127.0.0.1', () => socket[way]()).on('error', () => {})
          await new Promise(resolve => socket.once('close', resolve))
        }
      }
      // A connection that is reset in the accept queue may disappear before it is accepted; all others are counted.
      await until('the scans to be over', async () => {
        const opened = await server.metric('tcp_server_connections_opened_total')
        return opened >= 40 && opened === (await server.metric('tcp_server_connections_closed_total'))
      })
      if (level === 'debug') await until('the lines', () => server.logged({ msg: 'connection closed' }).length >= 40)
      const lines = server.logged({ msg: 'connection closed' })
      expect(lines.every(line => line.level === 'debug')).toBe(true)
      if (level === 'info') expect(lines).toEqual([])
    }
  })

  testWith('nc', 'by nc -z finds the port open and is not logged', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    const nc = spawn('nc', ['-z', '127.0.0.1', String(server.port())], { stdio: 'ignore', timeout: DEADLINE_MS })
    expect(await new Promise(resolve => nc.once('close', resolve))).toBe(0)
    await server.untilMetric('tcp_server_connections_closed_total', 1, { reason: 'client_closed' })
    expect(server.logged({ msg: 'connection closed' })).toEqual([])
  })
})

describe('a half-open peer', () => {
  test('that has sent FIN and never reads is finished once the kernel has accepted the reply', async () => {
    await using server = await startServer('greet://127.0.0.1:0')
    await using peer = await Peer.connect(server.port(), { reading: false })
    peer.send('hi')
    peer.end()
    await server.untilMetric('tcp_server_connections_closed_total', 1, { reason: 'client_closed' })
    expect(await server.log({ msg: 'connection closed' })).toMatchObject({ receivedBytes: 2, sentBytes: 11 })
    peer.read()
    await peer.receives('你好，hi')
  })

  test('that keeps sending after the FIN of the server gets no RST, and its bytes are logged as unanswered', async () => {
    await using server = await startServer('greet://127.0.0.1:0?idle-timeout=2s')
    await using peer = await Peer.connect(server.port())
    await peer.ask('hi\n', '你好，hi\n')
    await peer.finished()
    peer.send('too late')
    peer.end()
    const line = await server.log({ msg: 'connection closed' })
    expect(line).toMatchObject({
      reason: 'idle_timeout',
      unansweredBytes: 'too late'.length,
      receivedBytes: 'hi\ntoo late'.length,
    })
    await until('the peer to be closed', () => peer.closed)
    expect(peer.error).toBeUndefined()
  })
})
