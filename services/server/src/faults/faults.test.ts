import { describe, expect, test } from '@jest/globals'
import { amount, fraction } from '@nihao/service'
import { createFaults, describeFaults, type FaultSettings, Faults } from './faults.ts'

const never = { bytes: Number.POSITIVE_INFINITY, messages: Number.POSITIVE_INFINITY }
const none: FaultSettings = {
  delay: 0,
  jitter: 0,
  throttle: 0,
  closeAfter: never,
  resetAfter: never,
  stallAfter: never,
  corrupt: 0,
  refuse: 0,
  faultSeed: 0,
}

const reply = Buffer.from('reply')

/** Which of a listener's first 50 connections are rejected. */
function rejections(settings: Partial<FaultSettings>): boolean[] {
  const faults = new Faults({ ...none, ...settings })
  return Array.from({ length: 50 }, () => faults.next().refused)
}

test('no fault is on by default, and a seed alone is not a fault', () => {
  expect(createFaults(none)).toBeUndefined()
  expect(createFaults({ ...none, faultSeed: 7 })).toBeUndefined()
})

test.each([
  ['delay', { delay: 5 }, { delay: 5 }],
  ['jitter', { jitter: 5 }, { jitter: 5 }],
  ['throttle', { throttle: 100 }, { throttle: 100 }],
  ['close-after', { closeAfter: { ...never, messages: 3 } }, { closeAfter: { messages: 3 } }],
  ['reset-after', { resetAfter: { ...never, bytes: 0 } }, { resetAfter: { bytes: 0 } }],
  ['stall-after', { stallAfter: { ...never, bytes: 10 } }, { stallAfter: { bytes: 10 } }],
  ['corrupt', { corrupt: 0.1 }, { corrupt: 0.1 }],
  ['refuse', { refuse: 1 }, { refuse: 1 }],
])('%s is logged when it is on', (_, settings, logged) => {
  expect(createFaults({ ...none, ...settings })).toBeDefined()
  expect(describeFaults({ ...none, ...settings })).toEqual(logged)
})

describe('random faults', () => {
  test('depend on the seed only', () => {
    expect(rejections({ refuse: 0.5, faultSeed: 1 })).toEqual(rejections({ refuse: 0.5, faultSeed: 1 }))
    expect(rejections({ refuse: 0.5, faultSeed: 1 })).not.toEqual(rejections({ refuse: 0.5, faultSeed: 2 }))
  })

  test('of one connection do not depend on other connections', () => {
    const settings = { ...none, jitter: 1_000, corrupt: 0.5 }
    const alone = new Faults(settings).next()
    const faults = new Faults(settings)
    const first = faults.next()
    const second = faults.next()
    for (let turn = 0; turn < 20; turn++) {
      expect(first.delayMs()).toBe(alone.delayMs())
      second.delayMs()
      expect(first.corrupted(reply)).toEqual(alone.corrupted(reply))
    }
    expect(second.delayMs()).not.toBe(first.delayMs())
  })

  test.each([0.01, 0.25, 0.5, 0.9])('occur at the configured rate %s', expected => {
    const faults = new Faults({ ...none, refuse: expected, corrupt: expected })
    const refused = Array.from({ length: 20_000 }, () => faults.next()).filter(connection => connection.refused).length
    const connection = faults.next()
    const corrupted = Array.from({ length: 20_000 }, () => connection.corrupted(reply)).filter(sent => sent !== reply).length
    expect(refused / 20_000).toBeCloseTo(expected, 1.7)
    expect(corrupted / 20_000).toBeCloseTo(expected, 1.7)
    expect(faults.injected.corrupt).toBe(corrupted)
  })

  test('delay by up to the whole jitter, and no more', () => {
    const connection = new Faults({ ...none, delay: 100, jitter: 50 }).next()
    const delays = Array.from({ length: 1_000 }, () => connection.delayMs())
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(100)
    expect(Math.min(...delays)).toBeLessThan(102)
    expect(Math.max(...delays)).toBeLessThan(150)
    expect(Math.max(...delays)).toBeGreaterThan(148)
  })
})

test('a corrupted reply is a copy with one bit of the last byte flipped', () => {
  const connection = new Faults({ ...none, corrupt: 1 }).next()
  const bits = new Set<number>()
  for (let turn = 0; turn < 200; turn++) {
    const sent = connection.corrupted(reply)
    expect(sent.subarray(0, -1)).toEqual(reply.subarray(0, -1))
    bits.add((sent.at(-1) ?? 0) ^ (reply.at(-1) ?? 0))
  }
  expect([...bits].sort((one, other) => one - other)).toEqual([1, 2, 4, 8, 16, 32, 64, 128])
  expect(reply.toString()).toBe('reply')
  expect(connection.corrupted(Buffer.alloc(0))).toHaveLength(0)
})

test('a connection ends at the configured byte or behind the configured message, whichever comes first', () => {
  const faults = (settings: Partial<FaultSettings>) => new Faults({ ...none, ...settings }).next()
  const bytes = (count: number) => ({ ...never, bytes: count })
  const messages = (count: number) => ({ ...never, messages: count })
  expect(faults({}).sendable(1_000, 10, 1_000)).toEqual({ length: 10 })
  expect(faults({ resetAfter: bytes(100) }).sendable(80, 19, 5)).toEqual({ length: 19 })
  expect(faults({ resetAfter: bytes(100) }).sendable(80, 20, 5)).toEqual({ length: 20, end: 'reset_after' })
  expect(faults({ resetAfter: bytes(100) }).sendable(80, 30, 5)).toEqual({ length: 20, end: 'reset_after' })
  expect(faults({ closeAfter: messages(3) }).sendable(0, 10, 2)).toEqual({ length: 10 })
  expect(faults({ closeAfter: messages(3) }).sendable(0, 10, 3)).toEqual({ length: 10, end: 'close_after' })
  expect(faults({ closeAfter: messages(3) }).sendable(0, 0, 4)).toEqual({ length: 0, end: 'close_after' })
  expect(faults({ closeAfter: messages(3), stallAfter: bytes(4) }).sendable(0, 10, 3)).toEqual({ length: 4, end: 'stall_after' })
})

test('amounts and shares have one notation only', () => {
  expect(amount.parse('none')).toEqual(never)
  expect(amount.parse('0B')).toEqual({ ...never, bytes: 0 })
  expect(amount.parse('64KiB')).toEqual({ ...never, bytes: 65_536 })
  expect(amount.parse('10n')).toEqual({ ...never, messages: 10 })
  for (const text of ['', '0', '10', '0n', '01n', '1.5n', '-1n', '10 n', '10N', 'n', '10m', '64K', 'None', '1n1B']) {
    expect([text, amount.parse(text)]).toEqual([text, undefined])
  }
  expect(['0', '1', '0.5', '0.001', '0.0'].map(text => fraction.parse(text))).toEqual([0, 1, 0.5, 0.001, 0])
  for (const text of ['', '1.0', '1.1', '.5', '5%', '-0', '1e-3', '0,5', '0.', '00.5', '2']) {
    expect([text, fraction.parse(text)]).toEqual([text, undefined])
  }
})
