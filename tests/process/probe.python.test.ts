import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const CLIENT = join(import.meta.dirname, 'peers/probe_client.py')

/** Runs the client. `printed` returns the objects that it has printed, one per line. */
function run(port: number, scenario: string) {
  const child = spawn('python3', [CLIENT, String(port), scenario], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 90_000 })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = once(child, 'close')
  return {
    printed: () =>
      stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line)),
    async ended() {
      const [code] = await closed
      if (code !== 0) throw new Error(`the client ended with ${code}: ${stderr}`)
    },
  }
}

testWith(
  'python3',
  'a client written from docs/protocol.md alone works with the server, and the counters of both agree',
  async () => {
    await using server = await startServer('probe://127.0.0.1:0', { env: { NIHAO_IDENTITY: 'server-1' } })
    const client = run(server.port(), 'talk')
    await client.ended()
    const [{ hello, exchanged, corrupt, ended, totals }] = client.printed()
    expect(hello).toMatchObject({
      server: 'server-1',
      listener: `probe:${server.port()}`,
      address: `127.0.0.1:${server.port()}`,
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      boot: expect.stringMatching(/^.{8,}$/),
      connection: expect.any(Number),
      connections: 1,
    })
    expect([exchanged, corrupt]).toEqual([{ same: [true, true, true], ordered: true }, true])
    expect(ended.state).toMatch(/^(unknown|other_boot)$/)
    const { receivedBytes, sentBytes } = totals.client
    expect(totals.server).toEqual({ pings: 4, receivedBytes: sentBytes, sentBytes: receivedBytes, corrupt: 1 })
    expect(await server.metric('tcp_server_protocol_errors_total', { reason: 'corrupt' })).toBe(1)
    expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'client_closed', messages: 4 })
  },
)

testWith('python3', 'a rejected client gets the reason', async () => {
  await using server = await startServer('probe://127.0.0.1:0?max-connections=1')
  const first = run(server.port(), 'goaway')
  await until('a HELLO for the first', () => first.printed().length > 0)
  const second = run(server.port(), 'talk')
  await second.ended()
  expect(second.printed()).toEqual([{ reject: { reason: 'max_connections', limit: 1 }, end: true }])
  server.kill('SIGTERM')
  await first.ended()
})

testWith('python3', 'a client that follows GOAWAY lets the server drain', async () => {
  await using server = await startServer('probe://127.0.0.1:0', { env: { NIHAO_DRAIN_TIMEOUT: '30s' } })
  const client = run(server.port(), 'goaway')
  await until('a HELLO', () => client.printed().length > 0)
  server.kill('SIGTERM')
  await client.ended()
  const [, { goaway, totals }] = client.printed()
  expect(goaway).toEqual({ reason: 'drain', graceMs: 30_000 })
  expect(totals.server.sentBytes).toBe(totals.client.receivedBytes)
  expect((await server.exit()).code).toBe(0)
  expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'drained' })
})
