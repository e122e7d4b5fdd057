import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { AdministeredService } from './support/admin.ts'
import { startClient } from './support/client.ts'
import { Peer } from './support/peer.ts'
import { echo, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

interface Row {
  readonly listener?: string
  readonly target?: string
  readonly remotePort: number
  readonly ageMs: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly unacknowledgedBytes?: number | null
  readonly unreadBytes?: number | null
}

async function connections(service: AdministeredService, query = ''): Promise<{ total: number; connections: Row[] }> {
  const { status, text } = await service.page(`/connections${query}`)
  expect([status, text]).toEqual([200, expect.any(String)])
  return JSON.parse(text)
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nihao-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const KERNEL_FACTS = ['unacknowledgedBytes', 'unreadBytes', 'retransmissions', 'retransmissionTimeoutMs', 'congestionWindow']

describe('/connections of the server', () => {
  test('sorts, limits and selects, and says how many there are', async () => {
    await using server = await startServer('echo://127.0.0.1:0 greet://127.0.0.1:0')
    await using first = await Peer.connect(server.port(0))
    await first.ask('a', 'a')
    await using second = await Peer.connect(server.port(0))
    await second.ask('abc', 'abc')
    await using third = await Peer.connect(server.port(1))
    await third.ask('ab', '你好，ab')
    const ports = async (query: string) => {
      const { total, connections: rows } = await connections(server, query)
      return [total, ...rows.map(({ remotePort }) => remotePort)]
    }
    expect(await ports('')).toEqual([3, first.port, second.port, third.port])
    expect(await ports('?sort=bytes')).toEqual([3, third.port, second.port, first.port])
    expect(await ports('?sort=age&limit=2')).toEqual([3, first.port, second.port])
    expect(await ports(`?listener=greet:${server.port(1)}`)).toEqual([1, third.port])
    expect(await ports(`?listener=echo:${server.port(0)}&sort=bytes&limit=1`)).toEqual([2, second.port])
  })

  test('shows 200 by default', async () => {
    await using server = await startServer('echo://127.0.0.1:0')
    const peers = await Promise.all(Array.from({ length: 205 }, () => Peer.connect(server.port())))
    await server.untilMetric('tcp_server_connections_active', 205)
    const { total, connections: rows } = await connections(server)
    await Promise.all(peers.map(peer => peer[Symbol.asyncDispose]()))
    expect([total, rows.length]).toEqual([205, 200])
  })

  test.each([
    ['?limit=0', 'invalid limit "0": must be an integer from 1 to 1000000'],
    ['?sort=size', 'invalid sort "size": must be age, bytes or buffered'],
    ['?kernel=yes', 'invalid kernel "yes": must be true or false'],
    ['?listener=greet', 'invalid listener "greet": must be echo:'],
    ['?target=a', 'unknown parameter "target": must be kernel, limit, sort or listener'],
  ])('%s is answered with 400 and what is valid', async (query, said) => {
    await using server = await startServer('echo://127.0.0.1:0')
    const { status, text } = await server.page(`/connections${query}`)
    expect(status).toBe(400)
    expect(text).toContain(said)
  })

  test('with kernel=true shows what the kernel knows, and null where it knows nothing', async () => {
    const path = join(folder, 'echo.sock')
    await using server = await startServer(`chargen://127.0.0.1:0 echo+unix://${path}`)
    // A reader that does not read: the server's bytes stay unacknowledged.
    await using _silent = await Peer.connect(server.port(0), { reading: false })
    await using local = await Peer.connect(path)
    await local.ask('a', 'a')
    const row = await until('bytes that are not acknowledged', async () => {
      const { connections: rows } = await connections(server, '?kernel=true')
      return rows.find(({ unacknowledgedBytes }) => (unacknowledgedBytes ?? 0) > 0)
    })
    expect(Object.keys(row)).toEqual(expect.arrayContaining(KERNEL_FACTS))
    const rows = (await connections(server, '?kernel=true')).connections
    const unix = rows.find(({ listener }) => listener?.includes(path))
    expect(KERNEL_FACTS.map(name => unix?.[name as keyof Row])).toEqual([null, null, null, null, null])
    expect(Object.keys((await connections(server)).connections[0] ?? {})).not.toContain('unreadBytes')
  })
})

describe('/connections of the client', () => {
  test('selects a target, and shows what the kernel knows', async () => {
    await using silent = await ScriptedServer.listen(echo)
    await using other = await ScriptedServer.listen(echo)
    const urls = [silent, other].map(({ port }) => `echo://127.0.0.1:${port}`)
    await using client = await startClient(urls.join(' '), { env: { NIHAO_INTERVAL: '100ms' } })
    await until('both', async () => (await connections(client)).total === 2)
    const selected = await connections(client, `?target=${encodeURIComponent(urls[1] ?? '')}&kernel=true`)
    expect(selected).toEqual({ total: 1, connections: [expect.objectContaining({ target: urls[1] })] })
    expect(selected.connections[0]).toMatchObject({
      unreadBytes: expect.any(Number),
      retransmissionTimeoutMs: expect.any(Number),
      congestionWindow: expect.any(Number),
    })
    const { status, text } = await client.page('/connections?listener=a')
    expect([status, text]).toEqual([400, 'unknown parameter "listener": must be kernel, limit, sort or target\n'])
  })
})

test('the accept queue of each TCP listener has its length and limit in the metrics; that of a Unix socket has none', async () => {
  const path = join(folder, 'echo.sock')
  await using server = await startServer(`echo://127.0.0.1:0 greet://[::]:0 echo+unix://${path}`)
  const series = [...(await server.scrape())].filter(([name]) => name.startsWith('tcp_server_accept_queue'))
  const limit = Math.min(4_096, Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')))
  expect(Object.fromEntries(series)).toEqual({
    [`tcp_server_accept_queue{listener="echo:${server.port(0)}"}`]: 0,
    [`tcp_server_accept_queue{listener="greet:${server.port(1)}"}`]: 0,
    [`tcp_server_accept_queue_limit{listener="echo:${server.port(0)}"}`]: limit,
    [`tcp_server_accept_queue_limit{listener="greet:${server.port(1)}"}`]: limit,
  })
})
