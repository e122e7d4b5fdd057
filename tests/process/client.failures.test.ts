import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import type { LogLine } from './support/service.ts'
import { until } from './support/until.ts'

const TIMEOUT_MS = 3_000
const env = {
  NIHAO_MESSAGE: 'ping',
  NIHAO_INTERVAL: '300ms',
  NIHAO_TIMEOUT: `${TIMEOUT_MS}ms`,
}

/** Answers each piece that comes with this. */
const answering =
  (reply: string): Script =>
  socket =>
    socket.on('data', () => socket.write(reply))

/** Begins the reply, and then does something else. */
const beginning =
  (then: (socket: Socket) => void): Script =>
  socket =>
    socket.once('data', () => socket.write('pi', () => then(socket)))

interface Wrong {
  readonly reason: string
  readonly closedBy: 'server' | 'client'
  readonly closed: string
  readonly script: Script
  /** What the log says of it. */
  readonly error?: string
}

const mismatch = { reason: 'mismatch', closedBy: 'client', closed: 'mismatch' } as const
const timeout = { reason: 'timeout', closedBy: 'client', closed: 'timeout' } as const
const eof = { reason: 'eof', closedBy: 'server', closed: 'server_closed' } as const

const wrongs: Record<string, Wrong> = {
  'sends other bytes': { ...mismatch, script: answering('pong\n'), error: 'expected "ping\\n", received "pong\\n"' },
  'sends a banner first': {
    ...mismatch,
    script: socket => socket.write('welcome\n'),
    error: 'received "welcome\\n"',
  },
  'closes its side at once': { ...eof, script: socket => socket.resume().end() },
  'sends a part of the reply, then FIN': { ...eof, script: beginning(socket => socket.end()) },
  'sends a part of the reply, then RST': {
    reason: 'reset',
    closedBy: 'server',
    closed: 'reset',
    script: beginning(socket => socket.resetAndDestroy()),
    error: 'ECONNRESET',
  },
  'is silent': { ...timeout, script: socket => socket.resume() },
  'sends a part of the reply, then nothing': { ...timeout, script: beginning(() => {}) },
  'is late': {
    ...timeout,
    script: socket => socket.on('data', async chunk => socket.write(await delay(1.5 * TIMEOUT_MS, chunk, { ref: false }))),
  },
}

/** The log lines of one target with this message. */
const logged = (client: RunningClient, target: string, msg: string) => client.logged({ target, msg })

async function outageOver(client: RunningClient, target: string): Promise<LogLine> {
  return client.log({ target, msg: 'outage over' })
}

/** The series of this name for a target that are not 0, by their reason. */
async function byReason(client: RunningClient, name: string, target: string): Promise<Record<string, number>> {
  const series = [...(await client.scrape())]
    .map(([text, value]) => [/^(\w+)\{target="([^"]*)",reason="(\w+)"\}$/.exec(text), value] as const)
    .filter(([match, value]) => match?.[1] === `tcp_client_${name}_total` && match[2] === target && value > 0)
  return Object.fromEntries(series.map(([match, value]) => [match?.[3], value]))
}

describe('a server that', () => {
  const servers = new Map<string, ScriptedServer>()
  let client: RunningClient
  const target = (name: string) => `echo://127.0.0.1:${servers.get(name)?.port}`

  beforeAll(async () => {
    for (const [name, { script }] of Object.entries(wrongs)) servers.set(name, await ScriptedServer.listen(script))
    client = await startClient([...servers.keys()].map(target).join(' '), { env })
  })
  afterAll(async () => {
    await client[Symbol.asyncDispose]()
    for (const server of servers.values()) await server[Symbol.asyncDispose]()
  })

  test.each(Object.keys(wrongs))('%s is one outage with its reason, until it is right again', async name => {
    const url = target(name)
    const { reason, closedBy, closed, error } = wrongs[name] as Wrong
    const began = await client.log({ target: url, msg: 'outage began' })
    expect(began).toMatchObject({ level: 'warn', reason, closedBy })
    if (error !== undefined) expect(JSON.stringify(began.error)).toContain(JSON.stringify(error).slice(1, -1))
    await until('a lost exchange', async () => reason in (await byReason(client, 'exchange_failures', url)))
    expect(await byReason(client, 'connections_closed', url)).toEqual({ [closed]: expect.any(Number) })
    expect((await client.targets())[url]).toMatchObject({ state: 'failing', reason, lastSuccess: null })

    servers.get(name)?.become(echo)
    const over = await outageOver(client, url)
    expect(over).toMatchObject({ level: 'info', reason, closedBy, found: `127.0.0.1:${servers.get(name)?.port}` })
    expect(over).not.toHaveProperty('left') // there was no good exchange before
    expect(over.durationMs).toBeGreaterThan(0)
    // What else went wrong until then belongs to the same outage, and all that was lost is in it.
    const failures = await byReason(client, 'exchange_failures', url)
    expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(over.lostExchanges)
    expect(await byReason(client, 'outages', url)).toEqual({ [reason]: 1 })
    expect(await client.metric('tcp_client_outage_duration_seconds_count', { target: url })).toBe(1)
    expect((await client.targets())[url]).toMatchObject({ state: 'good', connections: 1 })
    expect(logged(client, url, 'outage began')).toHaveLength(1)
  })
})

describe('where there is no server', () => {
  /** A client with one target that can't be connected to; what it says of it at the end. */
  async function failing(url: string): Promise<RunningClient> {
    const client = await startClient(`${url}?timeout=300ms`, { env })
    try {
      await client.log({ target: url, msg: 'outage began' })
      await until('a lost exchange', async () => (await client.metric('tcp_client_exchange_failures_total')) > 0)
      return client
    } catch (error) {
      await client[Symbol.asyncDispose]()
      throw error
    }
  }

  test('connections are refused, until there is one', async () => {
    const port = await freePort()
    const url = `echo://127.0.0.1:${port}`
    await using client = await failing(url)
    expect(logged(client, url, 'outage began')).toEqual([
      expect.objectContaining({ reason: 'refused', closedBy: 'none', error: expect.objectContaining({ code: 'ECONNREFUSED' }) }),
    ])
    const { refused = 0, ...others } = await byReason(client, 'connection_failures', url)
    expect([refused > 0, others]).toEqual([true, {}])
    await using _server = await ScriptedServer.listen(echo, { port })
    const { lostExchanges, found } = await outageOver(client, url)
    expect(found).toBe(`127.0.0.1:${port}`)
    expect(await byReason(client, 'exchange_failures', url)).toEqual({ refused: lostExchanges })
    expect(await byReason(client, 'outages', url)).toEqual({ refused: 1 })
    expect(await byReason(client, 'connections_closed', url)).toEqual({})
  })

  test.each([
    // A label of 64 characters is no name: the resolver of the system says so without asking anyone.
    ['because the name means nothing', `${'a'.repeat(64)}.invalid`, 'dns', 'ENOTFOUND'],
    // A broadcast address: the kernel has no connection to offer there, and sends nothing.
    ['because no way leads there', '127.255.255.255', 'unreachable', 'ENETUNREACH'],
  ])('%s, connecting fails for that reason', async (_, host, reason, code) => {
    const url = `echo://${host}:7007`
    await using client = await failing(url)
    expect(logged(client, url, 'outage began')).toEqual([
      expect.objectContaining({ reason, closedBy: 'none', error: expect.objectContaining({ code }) }),
    ])
    for (const name of ['connection_failures', 'exchange_failures', 'outages']) {
      expect(await byReason(client, name, url)).toEqual({ [reason]: expect.any(Number) })
    }
    const { [url]: totals } = await client.stop()
    expect(totals).toMatchObject({ outages: { [reason]: 1 }, sentBytes: 0, receivedBytes: 0 })
    expect(logged(client, url, 'outage not over')).toEqual([
      expect.objectContaining({ level: 'warn', reason, closedBy: 'none', lostExchanges: totals?.exchanges }),
    ])
  })
})

test.each([
  ['behind a reply', (socket: Socket) => socket.once('data', reply => socket.write(`${reply}ping\n`))],
  ['between two replies', (socket: Socket) => socket.pipe(socket).once('data', () => setTimeout(() => socket.write('!'), 50))],
])('bytes that nobody asked for, %s, break a good connection, at no cost of an exchange', async (_, script) => {
  await using server = await ScriptedServer.listen(socket => {
    script(socket)
    server.script = echo
  })
  const url = `echo://127.0.0.1:${server.port}`
  await using client = await startClient(`${url}?timeout=30s`, { env })
  const over = await outageOver(client, url)
  const address = `127.0.0.1:${server.port}`
  expect(over).toMatchObject({ reason: 'mismatch', closedBy: 'client', lostExchanges: 0, left: address, found: address })
  expect(await byReason(client, 'exchange_failures', url)).toEqual({})
  expect(await byReason(client, 'outages', url)).toEqual({ mismatch: 1 })
  expect(await byReason(client, 'connections_closed', url)).toEqual({ mismatch: 1 })
})

test('no files left: connecting fails for that reason, and the connections that are open go on', async () => {
  await using server = await ScriptedServer.listen(echo)
  const url = `echo://127.0.0.1:${server.port}`
  const options = { env: { ...env, NIHAO_SUMMARY_INTERVAL: '100ms' }, openFiles: 50 }
  await using client = await startClient(`${url}?connections=60&timeout=3s`, options)
  // The admin endpoint has no files left either.
  await until('lost exchanges', () => logged(client, url, 'summary').some(({ failures }) => Number(failures) > 10))
  const { [url]: totals } = await client.stop()
  expect(totals?.outages.no_files).toBeGreaterThan(10)
  expect(Object.keys(totals?.outages ?? {})).toEqual(['no_files'])
  expect(Object.keys(totals?.exchangeFailures ?? {})).toEqual(['no_files'])
  expect(totals?.receivedBytes).toBeGreaterThan(0)
  expect(totals?.receivedBytes).toBe(totals?.sentBytes)
})
