import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { startServer } from './support/server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

const CLIENT = join(import.meta.dirname, 'peers/probe_client.py')

/** Runs the client; gives the objects that it printed so far, one a line, and its end. */
function run(port: number, scenario: string) {
  const child = spawn('python3', [CLIENT, String(port), scenario], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return {
    said: () =>
      stdout
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line)),
    async ended() {
      const [code] = await once(child, 'close')
      if (code !== 0) throw new Error(`the client ended with ${code}: ${stderr}`)
    },
  }
}

testWith(
  'python3',
  'a client that was written from docs/protocol.md alone speaks with the server, and their books agree',
  async () => {
    await using server = await startServer('probe://127.0.0.1:0', { env: { NIHAO_IDENTITY: 'server-1' } })
    const client = run(server.port(), 'talk')
    await client.ended()
    const [{ hello, same, corrupt, books }] = client.said()
    expect(hello).toMatchObject({
      server: 'server-1',
      listener: `probe:${server.port()}`,
      address: `127.0.0.1:${server.port()}`,
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      connections: 1,
    })
    expect([same, corrupt]).toEqual([[true, true, true], true])
    const { receivedBytes, sentBytes } = books.client
    expect(books.server).toEqual({ pings: 4, receivedBytes: sentBytes, sentBytes: receivedBytes, corrupt: 1 })
    expect(await server.metric('tcp_server_protocol_errors_total', { reason: 'corrupt' })).toBe(1)
    expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'client_closed', messages: 4 })
  },
)

testWith('python3', 'it is told why it is refused', async () => {
  await using server = await startServer('probe://127.0.0.1:0?max-connections=1')
  const first = run(server.port(), 'goaway')
  await until('the first to be served', () => first.said().length > 0)
  const second = run(server.port(), 'talk')
  await second.ended()
  expect(second.said()).toEqual([{ reject: { reason: 'max_connections', limit: 1 }, end: true }])
  server.kill('SIGTERM')
  await first.ended()
})

testWith('python3', 'it is asked to go when the server drains, goes, and the server is done', async () => {
  await using server = await startServer('probe://127.0.0.1:0', { env: { NIHAO_DRAIN_TIMEOUT: '8s' } })
  const client = run(server.port(), 'goaway')
  await until('it to be served', () => client.said().length > 0)
  server.kill('SIGTERM')
  await client.ended()
  const [, { goaway, books }] = client.said()
  expect(goaway).toEqual({ reason: 'drain', graceMs: 8_000 })
  expect(books.server.sentBytes).toBe(books.client.receivedBytes)
  expect((await server.exit()).code).toBe(0)
  expect(await server.log({ msg: 'connection closed' })).toMatchObject({ reason: 'drained' })
})
