import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { Peer, Peers } from './support/peer.ts'
import { freePort } from './support/scripted-server.ts'
import { RunningServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Opens, uses and closes connections: each is a line in the log. */
async function makeLines(count: number, port: number): Promise<void> {
  for (let made = 0; made < count; made += 100) {
    await using peers = await Peers.connect(Math.min(100, count - made), port)
    for (const peer of peers.all) peer.send('x')
    await until('the replies', () => peers.all.every(peer => peer.bytes.length === 1))
  }
}

test('every line is one JSON object with time, level, service and msg', async () => {
  await using server = await startServer('echo://127.0.0.1:0?max-connections=2', { env: { NIHAO_LOG_LEVEL: 'trace' } })
  await using kept = await Peer.connect(server.port())
  await kept.ask('{"level":"fatal"}\n\u2028', '{"level":"fatal"}\n\u2028')
  await using scan = await Peer.connect(server.port())
  await using refused = await Peer.connect(server.port())
  await refused.finished()
  scan.end()
  await scan.finished()
  kept.reset()
  await server.untilMetric('tcp_server_connections_active', 0)
  server.kill('SIGTERM')
  await server.exit()

  expect(server.lines.length).toBeGreaterThan(7)
  for (const line of server.lines) {
    const { level, time, service, msg } = JSON.parse(line)
    expect(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).toContain(level)
    expect(time).toMatch(ISO_TIME)
    expect(service).toBe('nihao-server')
    expect(typeof msg).toBe('string')
    expect(line.length).toBeLessThan(1_024)
  }
})

test('a closed connection is logged with its counters', async () => {
  await using server = await startServer('greet://127.0.0.1:0')
  await using peer = await Peer.connect(server.port())
  await peer.ask('a\nb\n', '你好，a\n你好，b\n')
  peer.end()
  const line = await server.log({ msg: 'connection closed' })
  const listener = `greet:${server.port()}`
  const counters = { receivedBytes: 4, sentBytes: 22, messages: 2, reason: 'client_closed' }
  expect(line).toMatchObject({ level: 'info', listener, remoteAddress: '127.0.0.1', remotePort: peer.port, ...counters })
  expect(line).not.toHaveProperty('error')
  expect(line).not.toHaveProperty('unsentBytes')
})

describe('a log without a reader', () => {
  test('because stdout was closed does not stop the server', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const port = server.port()
    server.closeStdout()
    await makeLines(300, port)
    await server.untilMetric('tcp_server_connections_closed_total', 300)
    expect(server.running).toBe(true)
    server.kill('SIGTERM')
    expect(await server.exit()).toMatchObject({ code: 0, signal: null })
  })

  test.each([
    ['it goes on and ends with 0', ['SIGTERM'], 0],
    ['a second signal still ends it', ['SIGTERM', 'SIGTERM'], 143],
  ] as const)('because the pipe is full stops nothing: %s', async (_, signals, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    const pipe = join(folder, 'log')
    execFileSync('mkfifo', [pipe])
    const stdout = openSync(pipe, 'r+') // both ends, so that it opens at once; nobody ever reads
    try {
      const NIHAO_ADMIN_PORT = String(await freePort())
      const env = { NIHAO_ADMIN_PORT, NIHAO_DRAIN_DELAY: code === 0 ? '0s' : '5m' }
      await using server = new RunningServer('echo://127.0.0.1:0', { stdout, env })
      server.adminPort = Number(NIHAO_ADMIN_PORT)
      await until('the server to be ready', () =>
        server.page('/readyz').then(
          page => page.status === 200,
          () => false,
        ),
      )
      const port = (await server.connections()).listeners[0]?.address.port ?? Number.NaN
      // A pipe holds 64 KiB, a line has some 250 bytes.
      await makeLines(600, port)
      await server.untilMetric('tcp_server_connections_closed_total', 600)
      await using peer = await Peer.connect(port)
      await peer.ask('still here', 'still here')
      peer.end()
      await peer.finished()
      for (const signal of signals) {
        server.kill(signal)
        await until('the signal to be seen', async () => !server.running || (await server.page('/readyz')).status === 503).catch(
          () => {},
        )
      }
      expect(await server.exit()).toMatchObject({ code, signal: null })
    } finally {
      closeSync(stdout)
      rmSync(folder, { recursive: true })
    }
  })
})
