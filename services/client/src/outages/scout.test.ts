import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Connection } from '../connect/connection.ts'
import type { Failure } from '../failure.ts'
import { Scout, type Waiter } from './scout.ts'

const PERIOD_MS = 100
const SPREAD_MS = 0.5

/** A connection without a socket. */
const connection = () =>
  Object.assign(Object.create(Connection.prototype) as Connection, {
    finish: () => {
      finished++
    },
  })

let finished: number
let attempts: { atMs: number; signal: AbortSignal; end: (result: Connection | Failure) => void }[]
let scout: Scout
let startMs: number

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] })
  finished = 0
  attempts = []
  startMs = performance.now()
  scout = new Scout({
    periodMs: PERIOD_MS,
    spreadMs: SPREAD_MS,
    closeWithinMs: 1_000,
    connect: signal => new Promise(resolve => attempts.push({ atMs: performance.now() - startMs, signal, end: resolve })),
  })
})
afterEach(() => {
  scout.stop()
  jest.useRealTimers()
})

class Session implements Waiter {
  connections = 0
  failures: string[] = []
  handshakes = 0
  readonly dueMs: number

  constructor(dueMs = 0) {
    this.dueMs = dueMs
  }
  connected(): void {
    this.connections++
  }
  notConnected({ reason }: Failure): void {
    this.failures.push(reason)
  }
  handshakeDone(): void {
    this.handshakes++
  }
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms)
const end = async (index: number, result: Connection | Failure) => {
  attempts[index]?.end(result)
  await pass(0)
}

describe('while an address is down', () => {
  test('it is tried once per period, and an unanswered attempt holds up no other', async () => {
    scout.fails()
    scout.wait(new Session())
    await pass(1_000)
    expect(attempts.map(({ atMs }) => Math.round(atMs))).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
    expect(attempts.some(({ signal }) => signal.aborted)).toBe(false)
  })

  test('a refused attempt is repeated after a period, however many sessions wait', async () => {
    const sessions = Array.from({ length: 50 }, () => new Session())
    scout.fails()
    for (const session of sessions) scout.wait(session)
    for (let time = 0; time < 10; time++) {
      await end(attempts.length - 1, { reason: 'refused' })
      await pass(PERIOD_MS)
    }
    expect(attempts.length).toBeLessThanOrEqual(11)
    expect(sessions[49]?.failures).toContain('refused')
  })

  test('the first connection goes to the session that needs it first, the attempts that nobody needs are abandoned', async () => {
    const [later, first] = [new Session(200), new Session(100)]
    scout.fails()
    scout.wait(later)
    scout.wait(first)
    await pass(250)
    await end(1, connection())
    expect([first.connections, later.connections]).toEqual([1, 0])
    await end(0, connection())
    expect(later.connections).toBe(1)
    expect(attempts[2]?.signal.aborted).toBe(true)
    await end(2, connection())
    expect(finished).toBe(1)
  })

  test('at most a hundred attempts are under way', async () => {
    scout.fails()
    scout.wait(new Session())
    await pass(12_000)
    expect(attempts.filter(({ signal }) => !signal.aborted).length).toBe(100)
  })
})

describe('when it works again', () => {
  test('a thousand sessions come back spread over time, not in one burst', async () => {
    const sessions = Array.from({ length: 1_000 }, () => new Session())
    scout.fails()
    for (const session of sessions) scout.wait(session)
    await end(0, connection())
    expect(attempts.length).toBe(1)
    scout.works()
    await pass(2)
    expect(attempts.length).toBeLessThan(30)
    await pass(248)
    expect(attempts.length).toBeGreaterThan(400)
    expect(attempts.length).toBeLessThan(600)
    await pass(300)
    expect(attempts.length).toBeGreaterThanOrEqual(1_000)
  })
})

test('attempts that got no answer while the address was down do not slow down the return of the sessions', async () => {
  const sessions = Array.from({ length: 100 }, () => new Session())
  scout.fails()
  for (const session of sessions) scout.wait(session)
  await pass(1_000)
  const before = attempts.length
  await end(before - 1, connection())
  scout.works()
  await pass(60)
  expect(attempts.length).toBeGreaterThanOrEqual(before + 90)
})

test('an address that works gets one attempt for each session; one that does not answer is down', async () => {
  scout.wait(new Session())
  await pass(450)
  expect(attempts.length).toBe(1)
  await pass(500)
  expect(attempts.map(({ atMs }) => Math.round(atMs))).toEqual([0, 500, 600, 700, 800, 900])
})

test('connections that were established while the event loop was busy are not slow', async () => {
  const sessions = [new Session(), new Session(), new Session()]
  for (const session of sessions) scout.wait(session)
  await pass(10)
  jest.advanceTimersByTime(2_000)
  // The event loop runs the timers, and then reads what the kernel has.
  for (const attempt of attempts) {
    attempt.end(connection())
    await Promise.resolve()
  }
  await nextTurn()
  await nextTurn()
  expect([sessions.map(({ connections }) => connections), attempts.length]).toEqual([[1, 1, 1], 3])
})
