import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type RunningClient, startClient } from './support/client.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import type { LogLine } from './support/service.ts'
import { until } from './support/until.ts'

/** Of the servers that do not reply in time: long enough for a busy machine to reply on time. */
const TIMEOUT_MS = 6_000
const env = { NIHAO_MESSAGE: 'ping', NIHAO_INTERVAL: '300ms', NIHAO_TIMEOUT: '1m' }

/** Answers each chunk with this text. */
const answering =
  (reply: string): Script =>
  socket =>
    socket.on('data', () => socket.write(reply))

/** Begins the reply, and then fails. */
const beginning =
  (then: (socket: Socket) => void): Script =>
  socket =>
    socket.once('data', () => socket.write('pi', () => then(socket)))

interface Wrong {
  readonly reason: string
  readonly closed: string
  readonly script: Script
  /** The error in the log. */
  readonly error?: string
}

const mismatch = { reason: 'mismatch', closed: 'mismatch' } as const
const timeout = { reason: 'timeout', closed: 'timeout' } as const
const eof = { reason: 'eof', closed: 'server_closed' } as const

const wrongs: Record<string, Wrong> = {
  // Without the closing quote: two replies may arrive at once.
  'sends other bytes': { ...mismatch, script: answering('pong\n'), error: 'expected "ping\\n", received "pong\\n' },
  'sends a banner first': {
    ...mismatch,
    script: socket => socket.write('welcome\n'),
    error: 'received "welcome\\n"',
  },
  'closes its side immediately': { ...eof, script: socket => socket.resume().end() },
  'sends a part of the reply, then FIN': { ...eof, script: beginning(socket => socket.end()) },
  'sends a part of the reply, then RST': {
    reason: 'reset',
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
    for (const name of Object.keys(wrongs)) servers.set(name, await ScriptedServer.listen(echo))
    const targets = Object.entries(wrongs).map(([name, { reason }]) =>
      reason === 'timeout' ? `${target(name)}?timeout=${TIMEOUT_MS}ms` : target(name),
    )
    client = await startClient(targets.join(' '), { env })
    // All fail at once, because some take as long as the timeout.
    for (const name of servers.keys()) await client.log({ target: target(name), msg: 'first reply' })
    for (const [name, server] of servers) {
      server.script = (wrongs[name] as Wrong).script
      for (const socket of server.open) socket.resetAndDestroy()
    }
  })
  afterAll(async () => {
    await client[Symbol.asyncDispose]()
    for (const server of servers.values()) await server[Symbol.asyncDispose]()
  })

  test.each(Object.keys(wrongs))('%s is one outage with its reason, until the server recovers', async name => {
    const url = target(name)
    const { reason, closed, error } = wrongs[name] as Wrong
    const server = servers.get(name) as ScriptedServer
    await until('a lost exchange', async () => reason in (await byReason(client, 'exchange_failures', url)))
    const began = await client.log({ target: url, msg: 'outage began' })
    expect(began.level).toBe('warn')
    // The break of the working connection may have begun the outage.
    expect([reason, 'reset']).toContain(began.reason)
    if (error !== undefined && began.reason === reason) {
      expect(JSON.stringify(began.error)).toContain(JSON.stringify(error).slice(1, -1))
    }
    expect(Object.keys(await byReason(client, 'connections_closed', url))).toContain(closed)
    expect((await client.targets())[url]).toMatchObject({ state: 'failing', down: true })
    expect(await client.metric('tcp_client_target_down', { target: url })).toBe(1)

    server.become(echo)
    const over = await outageOver(client, url)
    const address = `127.0.0.1:${server.port}`
    // Without frames nothing shows on whose side it was.
    expect(over).toMatchObject({ level: 'info', reason: began.reason, left: address, found: address })
    expect(['unknown', 'client']).toContain(over.side)
    expect(over.durationMs).toBeGreaterThan(0)
    // Later failures belong to the same outage, which includes all lost exchanges.
    const failures = await byReason(client, 'exchange_failures', url)
    expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(over.lostExchanges)
    expect(await byReason(client, 'outages', url)).toEqual({ [String(began.reason)]: 1 })
    expect(await client.metric('tcp_client_outage_duration_seconds_count', { target: url })).toBe(1)
    expect((await client.targets())[url]).toMatchObject({ state: 'good', connections: 1, down: false })
    expect(await client.metric('tcp_client_target_down', { target: url })).toBe(0)
    expect(logged(client, url, 'outage began')).toHaveLength(1)
  })
})

describe('without a server', () => {
  /** A client with one unreachable target. */
  async function failing(url: string): Promise<RunningClient> {
    // Exchanges with less than half of it left are given up: the others have time, even on a busy machine.
    const client = await startClient(`${url}?timeout=5s`, { env })
    try {
      await client.log({ target: url, msg: 'target is not up yet' })
      await until('a lost exchange', async () => (await client.metric('tcp_client_exchange_failures_total')) > 0)
      return client
    } catch (error) {
      await client[Symbol.asyncDispose]()
      throw error
    }
  }

  // These wait for an exchange to be late, side by side.
  test.concurrent('connections are refused until a server starts', async () => {
    const port = await freePort()
    const url = `echo://127.0.0.1:${port}`
    await using client = await failing(url)
    expect(logged(client, url, 'target is not up yet')).toEqual([
      expect.objectContaining({ reason: 'refused', error: expect.objectContaining({ code: 'ECONNREFUSED' }) }),
    ])
    const { refused = 0, ...others } = await byReason(client, 'connection_failures', url)
    expect([refused > 0, others]).toEqual([true, {}])
    await using _server = await ScriptedServer.listen(echo, { port })
    await client.log({ target: url, msg: 'target is up' })
    expect(await byReason(client, 'exchange_failures', url)).toEqual({ refused: expect.any(Number) })
    expect(await byReason(client, 'outages', url)).toEqual({})
    expect(await byReason(client, 'connections_closed', url)).toEqual({})
  })

  test.concurrent.each([
    // A label of 64 characters is invalid: the resolver rejects it without a query.
    ['because the name does not resolve', `${'a'.repeat(64)}.invalid`, 'dns', 'ENOTFOUND'],
    // A broadcast address: the kernel rejects the connection without sending a packet.
    ['because there is no route', '127.255.255.255', 'unreachable', 'ENETUNREACH'],
  ])('%s, connecting fails for that reason', async (_, host, reason, code) => {
    const url = `echo://${host}:7007`
    await using client = await failing(url)
    expect(logged(client, url, 'target is not up yet')).toEqual([
      expect.objectContaining({ reason, error: expect.objectContaining({ code }) }),
    ])
    for (const name of ['connection_failures', 'exchange_failures']) {
      expect(await byReason(client, name, url)).toEqual({ [reason]: expect.any(Number) })
    }
    const { [url]: totals } = await client.stop()
    expect(totals).toMatchObject({ outages: {}, sentBytes: 0, receivedBytes: 0 })
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
  // The next exchange is not due before the connection has broken.
  await using client = await startClient(`${url}?interval=1m`, { env })
  const address = `127.0.0.1:${server.port}`
  expect(await client.log({ target: url, msg: 'reconnected' })).toMatchObject({ reason: 'mismatch', found: address })
  expect(await byReason(client, 'exchange_failures', url)).toEqual({})
  expect(await byReason(client, 'outages', url)).toEqual({})
  expect(await byReason(client, 'reconnects', url)).toEqual({ mismatch: 1 })
  expect(await byReason(client, 'connections_closed', url)).toEqual({ mismatch: 1 })
})

// It waits for exchanges to be late.
test.concurrent('without free file descriptors, connecting fails with that reason, and open connections continue', async () => {
  await using server = await ScriptedServer.listen(echo)
  const url = `echo://127.0.0.1:${server.port}`
  await using client = await startClient(`${url}?connections=60&timeout=10s`, { env, openFiles: 50 })
  // The admin endpoint has no free file descriptors either.
  await until('outages of more than ten sessions', () => {
    const summedUp = logged(client, url, 'outages began').map(({ sessions }) => Number(sessions))
    return summedUp.reduce((sum, sessions) => sum + sessions, logged(client, url, 'outage began').length) > 10
  })
  const { [url]: totals } = await client.stop()
  expect(totals?.outages.no_files).toBeGreaterThan(10)
  expect(Object.keys(totals?.outages ?? {})).toEqual(['no_files'])
  expect(Object.keys(totals?.exchangeFailures ?? {})).toEqual(['no_files'])
  expect(totals?.receivedBytes).toBeGreaterThan(0)
  expect(totals?.receivedBytes).toBe(totals?.sentBytes)
})
