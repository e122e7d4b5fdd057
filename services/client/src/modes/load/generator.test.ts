import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { createLogger } from '@nihao/service'
import { modes, readModeConfig } from '../../settings.ts'
import { Target } from '../../target.ts'
import { Figures } from './figures.ts'
import { type Bounds, Generator } from './generator.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A server that does this with each request. */
async function serve(answer: (socket: Socket, request: Buffer) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('data', chunk => answer(socket, chunk))
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  return `echo://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const echo = (socket: Socket, request: Buffer) => socket.write(request)

async function load(url: string, settings: Readonly<Record<string, string>>, { count, durationMs }: Partial<Bounds>) {
  const env = { NIHAO_TARGETS: url, NIHAO_TIMEOUT: '60s', ...settings }
  const [config] = readModeConfig(modes.load, { env, args: [] }).targetConfigs
  if (config === undefined) throw new Error(`no target: ${url}`)
  const { values } = config
  const figures = new Figures(values.rate > 0)
  const target = new Target(config, () => figures, createLogger('test', 'silent'), {
    answerWithinMs: values.timeout,
  })
  const generator = new Generator(target)
  expect(await generator.connect()).toBeUndefined()
  figures.reset(target.counters)
  const scheduledMs = await generator.run({
    count: count ?? Number.POSITIVE_INFINITY,
    durationMs: durationMs ?? Number.POSITIVE_INFINITY,
  })
  const result = figures.close(target.counters)()
  await generator.close()
  return { ...result, scheduledMs, counters: target.counters }
}

describe('an open loop', () => {
  test.each([
    ['count', { count: 4 }],
    ['duration', { durationMs: 1_000 }],
  ])('by %s lasts until the next exchange would have started, not until the last reply', async (_, bounds) => {
    const { answered, scheduledMs } = await load(await serve(echo), { NIHAO_RATE: '4' }, bounds)
    expect([answered, scheduledMs]).toEqual([4, 1_000])
  })

  test('counts a reply as timed out if it is in time after the send, but late after the intended start', async () => {
    // One connection that takes 800 ms for each of ten exchanges that are due in 100 ms: the first few are in time, the others wait too long.
    const slow = await serve((socket, request) => setTimeout(() => socket.write(request), 800))
    const { answered, failures, latencyMs, counters } = await load(
      slow,
      { NIHAO_RATE: '100', NIHAO_TIMEOUT: '3s' },
      { count: 10 },
    )
    expect(failures).toEqual({ timeout: 10 - answered })
    expect(answered).toBeLessThanOrEqual(3)
    expect(latencyMs.fromIntendedStart.count).toBe(answered)
    expect(latencyMs.fromIntendedStart.max ?? 0).toBeLessThanOrEqual(3_000)
    expect(counters.connectionsClosed).toMatchObject({ finished: 1, timeout: 0 })
  })

  test('starts every exchange, regardless of the others', async () => {
    let requests = 0
    const flaky = await serve((socket, request) => (++requests % 5 === 0 ? socket.resetAndDestroy() : socket.write(request)))
    const settings = { NIHAO_RATE: '200', NIHAO_BACKOFF: '1ms', NIHAO_BACKOFF_MAX: '1ms' }
    const { answered, failures } = await load(flaky, settings, { count: 50 })
    expect(answered + Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(50)
    expect(failures).toEqual({ reset: expect.any(Number) })
  })
})

describe('a closed loop', () => {
  test('makes exactly `count` exchanges, at most `depth` at a time on each connection', async () => {
    const waiting = new Map<Socket, number>()
    let most = 0
    const url = await serve((socket, request) => {
      waiting.set(socket, (waiting.get(socket) ?? 0) + request.toString().split('\n').length - 1)
      most = Math.max(most, ...waiting.values())
      setTimeout(() => {
        waiting.set(socket, (waiting.get(socket) ?? 0) - (request.toString().split('\n').length - 1))
        socket.write(request)
      }, 1)
    })
    const { answered, scheduledMs } = await load(url, { NIHAO_CONNECTIONS: '2', NIHAO_DEPTH: '3' }, { count: 100 })
    expect([answered, scheduledMs, most]).toEqual([100, 0, 3])
  })

  test('counts each of the exchanges that are sent together, even if their replies are not', async () => {
    // Replies in pieces of 19 bytes, which end anywhere in a reply of 7, and now and then a reset instead.
    let chunks = 0
    const url = await serve((socket, request) => {
      for (let start = 0; start < request.length; start += 19) {
        if (++chunks % 40 === 0) socket.resetAndDestroy()
        else socket.write(request.subarray(start, start + 19))
      }
    })
    const settings = { NIHAO_CONNECTIONS: '2', NIHAO_DEPTH: '16', NIHAO_BACKOFF: '1ms', NIHAO_BACKOFF_MAX: '1ms' }
    const { answered, failed, failures, latencyMs, counters } = await load(url, settings, { count: 2_000 })
    expect([answered + failed, latencyMs.fromSend.count]).toEqual([2_000, answered])
    expect(answered).toBeGreaterThan(1_000)
    expect(failed).toBeGreaterThan(0)
    expect(failures).toEqual({ reset: failed })
    expect(counters.exchanges).toBe(2_000)
  })
})
