import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Peers } from './support/peer.ts'
import { freePort } from './support/scripted-server.ts'
import { RunningServer, startServer } from './support/server.ts'
import { type LogLine, Service } from './support/service.ts'
import { until } from './support/until.ts'

const onLinux = process.platform === 'linux' ? describe : describe.skip

/** Opens, uses and closes connections: each is a line in the log. */
async function makeLines(count: number, port: number): Promise<void> {
  for (let made = 0; made < count; made += 100) {
    await using peers = await Peers.connect(100, port)
    for (const peer of peers.all) peer.send('x')
    await until('the replies', () => peers.all.every(peer => peer.bytes.length === 1))
  }
}

const ready = (service: { page(path: string): Promise<{ status: number }> }) => () =>
  service.page('/readyz').then(
    ({ status }) => status === 200,
    () => false,
  )

onLinux('stdout on a full disk', () => {
  let full: number
  beforeAll(() => {
    full = openSync('/dev/full', 'w')
  })
  afterAll(() => closeSync(full))

  test('does not keep the server from serving or from exiting', async () => {
    const adminPort = await freePort()
    await using server = new RunningServer('echo://127.0.0.1:0', { stdout: full, env: { NIHAO_ADMIN_PORT: String(adminPort) } })
    server.adminPort = adminPort
    await until('the server to be ready', ready(server))
    const port = (await server.connections()).listeners[0]?.address.port ?? Number.NaN
    await makeLines(300, port)
    await server.untilMetric('tcp_server_connections_closed_total', 300)
    server.kill('SIGTERM')
    expect(await server.exit()).toEqual({ code: 0, signal: null, stderr: '' })
  })

  test('does not keep the client from its exchanges or from exiting', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const adminPort = await freePort()
    await using client = new Service('services/client/src/main.ts', {
      stdout: full,
      env: { NIHAO_TARGETS: `echo://127.0.0.1:${server.port()}`, NIHAO_ADMIN_PORT: String(adminPort), NIHAO_INTERVAL: '20ms' },
    })
    await until('exchanges', async () => (await server.metric('tcp_server_messages_total')) > 5)
    client.kill('SIGTERM')
    expect(await client.exit()).toEqual({ code: 0, signal: null, stderr: '' })
  })

  test.each([
    ['load', '--count', '10'],
    ['check', '--only', 'connect'],
    ['idle', '--rungs', '10ms'],
  ])('is a clear line on stderr and exit code 1 for the report of %s', async (...args) => {
    await using server = await startServer('echo://127.0.0.1:0')
    await using client = new Service('services/client/src/main.ts', {
      args: [...args, `echo://127.0.0.1:${server.port()}`],
      stdout: full,
      env: { NIHAO_TIMEOUT: '30s' },
    })
    const { code, stderr } = await client.exit()
    expect(code).toBe(1)
    const lines = stderr.trimEnd().split('\n')
    const line = JSON.parse(lines.at(-1) ?? '') as LogLine
    expect(line).toMatchObject({ level: 'error', msg: 'could not write the report', error: { code: 'ENOSPC' } })
  })
})

/** Root may mount a file system of its own. */
const mayMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
const withDisk = mayMount || process.env.REQUIRE_PEERS === '1' ? describe : describe.skip

withDisk('a disk that fills up', () => {
  test('drops lines only while it is full: they are counted and reported, and no line is incomplete', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nihao-'))
    const mount = 'mount -t tmpfs -o size=8m tmpfs "$0" && head -c 8000k /dev/zero >"$0/filler" && exec "$@" >"$0/log"'
    const adminPort = await freePort()
    try {
      await using server = new RunningServer('echo://127.0.0.1:0', {
        within: ['unshare', '--mount', 'sh', '-c', mount, folder],
        env: { NIHAO_ADMIN_PORT: String(adminPort) },
      })
      server.adminPort = adminPort
      await until('the server to be ready', ready(server))
      const port = (await server.connections()).listeners[0]?.address.port ?? Number.NaN
      const inside = (name: string) => join(`/proc/${server.pid}/root`, folder, name)
      const log = () => readFileSync(inside('log'), 'utf8')
      const droppedLines = () => server.metric('nihao_log_lines_dropped_total')

      // 4 MiB of lines wait for the disk, which is some 17,000.
      let connections = 0
      for (; (await droppedLines()) === 0; connections += 1_000) await makeLines(1_000, port)
      // Each of them has been logged or dropped.
      await server.untilMetric('tcp_server_connections_closed_total', connections)
      unlinkSync(inside('filler'))
      await until('the report', () => log().includes('log lines dropped'))
      const lines = log()
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as LogLine)
      const written = lines.filter(({ msg }) => msg === 'connection closed').length
      const reported = lines.filter(({ msg }) => msg === 'log lines dropped')
      expect(reported).toEqual([expect.objectContaining({ level: 'warn', lines: await droppedLines() })])
      expect(written).toBe(connections - (await droppedLines()))
      server.kill('SIGTERM')
      expect(await server.exit()).toMatchObject({ code: 0 })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
