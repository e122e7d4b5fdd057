import { describe, expect, test } from '@jest/globals'
import {
  DRAIN_QUIET_MS,
  LINGER_MS,
  Lifetime,
  type LifetimeLimits,
  type LifetimeState,
  MAX_AGE_GRACE_MS,
  sweepIntervalMs,
} from './lifetime.ts'

const never: LifetimeLimits = { idleTimeout: 0, slowReaderTimeout: 0, maxAge: 0, keepAlive: 0 }
const quiet: LifetimeState = {
  movedBytes: 0,
  waitingBytes: 0,
  bufferedBytes: 0,
  ended: false,
  peerEnded: false,
  canAskToClose: false,
  draining: undefined,
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

  test('terminates a connection with unread bytes, half-closed or not', () => {
    for (const ended of [false, true]) {
      const connection = lifetime({ slowReaderTimeout: 300, idleTimeout: 300 })
      expect(connection.next(1_299, { ...waiting, ended })).toBeUndefined()
      expect(connection.next(1_300, { ...waiting, ended })).toEqual({ action: 'terminate', reason: 'slow_reader' })
    }
  })

  test('does not apply to a peer that reads slowly, nor to bytes delayed by a fault', () => {
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
    expect(connection.next(2_000, quiet)).toMatchObject({ action: 'drain', graceMs: MAX_AGE_GRACE_MS })
    const asked = { ...quiet, canAskToClose: true, draining: 'max_age' } as const
    expect(connection.next(1_999 + MAX_AGE_GRACE_MS, asked)).toBeUndefined()
    expect(connection.next(2_000 + MAX_AGE_GRACE_MS, asked)).toEqual({ action: 'terminate', reason: 'max_age' })
  })

  test('does not ask a connection that is ending', () => {
    expect(lifetime({ maxAge: 1_000 }).next(2_000, { ...quiet, ended: true, peerEnded: true })).toBeUndefined()
  })
})

describe('a draining connection', () => {
  const draining = { ...quiet, draining: 'drained' } as const

  test('ends when idle, unless bytes are buffered or the peer was asked to close', () => {
    const connection = lifetime()
    const atMs = 1_000 + DRAIN_QUIET_MS
    expect(connection.next(atMs - 1, draining)).toBeUndefined()
    expect(connection.next(atMs, { ...draining, bufferedBytes: 1 })).toBeUndefined()
    expect(connection.next(atMs, { ...draining, canAskToClose: true })).toBeUndefined()
    expect(connection.next(atMs, draining)).toEqual({ action: 'end', reason: 'drained' })
  })

  test('is left to the server once it has ended', () => {
    const connection = lifetime()
    const ended = { ...draining, ended: true, reason: 'drained' } as const
    expect([connection.next(1_000, ended), connection.next(1e9, ended)]).toEqual([undefined, undefined])
  })
})

describe('an ended connection', () => {
  const ended = { ...quiet, ended: true, reason: 'idle_timeout' } as const

  test('is terminated when its peer does not end in time, for the reason it ended', () => {
    const connection = lifetime()
    expect(connection.next(1_000, ended)).toBeUndefined()
    expect(connection.next(999 + LINGER_MS, ended)).toBeUndefined()
    expect(connection.next(1_000 + LINGER_MS, ended)).toEqual({ action: 'terminate', reason: 'idle_timeout' })
  })

  test('may take its time to send the last replies to a peer that has ended', () => {
    const connection = lifetime()
    const state = { ...ended, peerEnded: true, reason: 'client_closed' } as const
    expect([connection.next(1_000, state), connection.next(1e9, state)]).toEqual([undefined, undefined])
  })

  test('keeps the earlier of two deadlines', () => {
    const connection = lifetime({ maxAge: 1_000 })
    expect(connection.next(2_000, quiet)).toMatchObject({ action: 'drain' })
    const state = { ...ended, draining: 'max_age', reason: 'max_age' } as const
    expect(connection.next(3_000, state)).toBeUndefined()
    expect(connection.next(3_000 + LINGER_MS, state)).toEqual({ action: 'terminate', reason: 'max_age' })
  })
})

test('keep-alive is turned on once, at the first look, and not before', () => {
  const connection = lifetime({ keepAlive: 60_000 })
  expect(connection.next(1_500, quiet)).toEqual({ action: 'keepAlive', silenceMs: 60_000 })
  expect(connection.next(2_000, quiet)).toBeUndefined()
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
