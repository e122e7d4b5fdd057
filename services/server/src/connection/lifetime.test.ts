import { describe, expect, test } from '@jest/globals'
import { DRAIN_QUIET_MS, LINGER_MS, Lifetime, type LifetimeLimits, type LifetimeState, sweepIntervalMs } from './lifetime.ts'

const never: LifetimeLimits = { idleTimeout: 0, slowReaderTimeout: 0, maxAge: 0 }
const quiet: LifetimeState = {
  movedBytes: 0,
  waitingBytes: 0,
  bufferedBytes: 0,
  ended: false,
  canAskToClose: false,
  reason: undefined,
}

/** A lifetime that began at 1,000 ms. */
const lifetime = (limits: Partial<LifetimeLimits> = {}, random = 0) => new Lifetime({ ...never, ...limits }, 1_000, random)

test('without limits, nothing ever happens', () => {
  expect(lifetime().next(1e12, { ...quiet, waitingBytes: 5, bufferedBytes: 5 })).toBeUndefined()
})

describe('idle-timeout', () => {
  test('ends a connection after that long without a byte, and not before', () => {
    const connection = lifetime({ idleTimeout: 500 })
    expect(connection.next(1_499, quiet)).toBeUndefined()
    expect(connection.next(1_500, quiet)).toEqual({ action: 'end', reason: 'idle_timeout' })
  })

  test('starts again with every byte', () => {
    const connection = lifetime({ idleTimeout: 500 })
    expect(connection.next(1_499, { ...quiet, movedBytes: 1 })).toBeUndefined()
    expect(connection.next(1_998, { ...quiet, movedBytes: 1 })).toBeUndefined()
    expect(connection.next(1_999, { ...quiet, movedBytes: 1 })).toMatchObject({ reason: 'idle_timeout' })
  })

  test('does not end a connection twice', () => {
    expect(lifetime({ idleTimeout: 500 }).next(1_500, { ...quiet, ended: true })).toBeUndefined()
  })
})

describe('slow-reader-timeout', () => {
  const waiting = { ...quiet, waitingBytes: 1, bufferedBytes: 1 }

  test('terminates a connection on which bytes wait for its peer, ended or not', () => {
    for (const ended of [false, true]) {
      const connection = lifetime({ slowReaderTimeout: 300, idleTimeout: 300 })
      expect(connection.next(1_299, { ...waiting, ended })).toBeUndefined()
      expect(connection.next(1_300, { ...waiting, ended })).toEqual({ action: 'terminate', reason: 'slow_reader' })
    }
  })

  test('spares a peer that reads, however slowly, and bytes that a fault delays', () => {
    const connection = lifetime({ slowReaderTimeout: 300 })
    for (let read = 1; read < 20; read++) {
      expect(connection.next(1_000 + read * 299, { ...waiting, movedBytes: read })).toBeUndefined()
    }
    expect(connection.next(1e6, { ...quiet, movedBytes: 19, bufferedBytes: 1 })).toBeUndefined()
  })
})

describe('max-age', () => {
  test.each([
    [0, 2_000],
    [0.5, 1_950],
    [1, 1_900],
  ])('with a jitter of %d, 1 s old is %d', (random, atMs) => {
    const connection = lifetime({ maxAge: 1_000 }, random)
    expect(connection.next(atMs - 1, quiet)).toBeUndefined()
    expect(connection.next(atMs, quiet)).toMatchObject({ action: 'drain', reason: 'max_age' })
  })

  test('asks once, and terminates when the grace is over', () => {
    const connection = lifetime({ maxAge: 1_000 })
    expect(connection.next(2_000, quiet)).toMatchObject({ action: 'drain', graceMs: 10_000 })
    connection.drain('max_age', 2_000, 10_000)
    const asked = { ...quiet, canAskToClose: true }
    expect(connection.next(11_999, asked)).toBeUndefined()
    expect(connection.next(12_000, asked)).toEqual({ action: 'terminate', reason: 'max_age' })
  })
})

describe('a draining connection', () => {
  test('ends after a silence, unless bytes are buffered or the peer was asked to close', () => {
    const connection = lifetime()
    connection.drain('drained', 1_000, 0)
    const atMs = 1_000 + DRAIN_QUIET_MS
    expect(connection.next(atMs - 1, quiet)).toBeUndefined()
    expect(connection.next(atMs, { ...quiet, bufferedBytes: 1 })).toBeUndefined()
    expect(connection.next(atMs, { ...quiet, canAskToClose: true })).toBeUndefined()
    expect(connection.next(atMs, quiet)).toEqual({ action: 'end', reason: 'drained' })
  })

  test('without a grace has no deadline', () => {
    const connection = lifetime()
    connection.drain('drained', 1_000, 0)
    expect(connection.next(1e9, { ...quiet, ended: true })).toBeUndefined()
  })
})

describe('an ended connection', () => {
  test('is terminated when its peer does not close in time, for the reason it ended', () => {
    const connection = lifetime()
    connection.ended(1_000, LINGER_MS)
    const state = { ...quiet, ended: true, reason: 'idle_timeout' } as const
    expect(connection.next(999 + LINGER_MS, state)).toBeUndefined()
    expect(connection.next(1_000 + LINGER_MS, state)).toEqual({ action: 'terminate', reason: 'idle_timeout' })
  })

  test('keeps the earlier of two deadlines', () => {
    const connection = lifetime()
    connection.drain('max_age', 1_000, 10_000)
    connection.ended(2_000, LINGER_MS)
    connection.ended(2_500, LINGER_MS)
    expect(connection.next(4_000, { ...quiet, ended: true, reason: 'max_age' })).toMatchObject({ action: 'terminate' })
  })
})

test.each([
  [never, 500],
  [{ ...never, idleTimeout: 1_200_000 }, 500],
  [{ ...never, idleTimeout: 1_200_000, slowReaderTimeout: 2_000 }, 200],
  [{ ...never, maxAge: 30_000 }, 300],
  [{ ...never, idleTimeout: 1 }, 50],
])('the limits %j are checked every %d ms', (limits, intervalMs) => {
  expect(sweepIntervalMs(limits)).toBe(intervalMs)
})
