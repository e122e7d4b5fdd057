import { describe, expect, test } from '@jest/globals'
import { OneWayExcess } from './one-way-excess.ts'

interface Path {
  /** Delay in each direction at a time, ms. */
  readonly toServer?: (atMs: number) => number
  readonly fromServer?: (atMs: number) => number
  /** Of the server's clock, seconds per second. */
  readonly drift?: number
  readonly serverMs?: number
  readonly stalledMs?: (atMs: number) => number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** Numbers from 0 to 1 that look random and are the same in every run. */
function randoms(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** The excess of every exchange, one per second, over a path of at least 2 ms there and 3 ms back, with up to 0.2 ms of jitter in each direction. */
function run(
  durationMs: number,
  { toServer = () => 0, fromServer = () => 0, drift = 0, serverMs = 0.1, stalledMs = () => 0 }: Path,
) {
  const excess = new OneWayExcess()
  const random = randoms()
  // The clocks began at different times.
  const serverClock = (atMs: number) => 123_456_789 + atMs * (1 + drift)
  const results: { atMs: number; toServerMs: number; fromServerMs: number }[] = []
  for (let atMs = 0; atMs < durationMs; atMs += SECOND) {
    const blockedMs = stalledMs(atMs)
    const readMs = atMs + 2 + 0.2 * random() + toServer(atMs) + blockedMs
    const writtenMs = readMs + serverMs
    const receivedMs = writtenMs + 3 + 0.2 * random() + fromServer(atMs)
    excess.add(atMs, serverClock(readMs), serverClock(writtenMs), receivedMs, blockedMs)
    results.push({ atMs, toServerMs: excess.toServerMs, fromServerMs: excess.fromServerMs })
  }
  return results
}

const most = (values: readonly number[]) => Math.max(...values)

describe('the excess delay of each direction', () => {
  test.each([0, 100e-6, -100e-6, 20e-6])('is jitter on a path that does not change, with a drift of %d', drift => {
    const results = run(30 * MINUTE, { drift })
    expect(most(results.map(({ toServerMs }) => toServerMs))).toBeLessThan(0.45)
    expect(most(results.map(({ fromServerMs }) => fromServerMs))).toBeLessThan(0.45)
    expect(most(results.map(({ toServerMs }) => toServerMs))).toBeGreaterThan(0.1)
  })

  for (const drift of [0, 100e-6, -100e-6]) {
    for (const direction of ['toServer', 'fromServer'] as const) {
      test.each([45 * SECOND, 10 * MINUTE])(
        `is a step of 50 ms ${direction} and of no other, with a drift of ${drift}, at %d ms`,
        startMs => {
          const during = (atMs: number) => atMs >= startMs && atMs < startMs + MINUTE
          const results = run(startMs + 3 * MINUTE, { drift, [direction]: (atMs: number) => (during(atMs) ? 50 : 0) })
          const [here, other] =
            direction === 'toServer' ? (['toServerMs', 'fromServerMs'] as const) : (['fromServerMs', 'toServerMs'] as const)
          const step = results.filter(({ atMs }) => during(atMs))
          // Before there are two windows to compare, drift is only bounded by what the round trip has.
          const errorMs = startMs < MINUTE && drift !== 0 ? 10 : 1
          for (const result of step) {
            expect(Math.abs(result[here] - 50)).toBeLessThan(errorMs)
            expect(result[other]).toBeLessThan(errorMs)
          }
          for (const result of results.filter(({ atMs }) => !during(atMs))) {
            expect(result[here]).toBeLessThan(0.45)
            expect(result[other]).toBeLessThan(0.45)
          }
        },
      )
    }
  }

  test('is forgotten when the longer path has lasted for five minutes', () => {
    const results = run(20 * MINUTE, { fromServer: atMs => (atMs >= 10 * MINUTE ? 50 : 0) })
    const at = (minutes: number) => results[minutes * 60]?.fromServerMs
    expect(at(11)).toBeGreaterThan(49)
    expect(at(14)).toBeGreaterThan(49)
    expect(at(16)).toBeLessThan(0.45)
  })

  test('is less at once on a path that has become shorter', () => {
    const results = run(10 * MINUTE, { toServer: atMs => (atMs < 5 * MINUTE ? 50 : 0), drift: 50e-6 })
    expect(most(results.map(({ toServerMs, fromServerMs }) => Math.max(toServerMs, fromServerMs)))).toBeLessThan(0.5)
  })

  test('does not contain the time of the server, nor that for which it was blocked', () => {
    const stalledMs = (atMs: number) => (atMs % (20 * SECOND) === 0 ? 200 : 0)
    for (const { toServerMs, fromServerMs } of run(10 * MINUTE, { serverMs: 30, stalledMs })) {
      expect(toServerMs).toBeLessThan(0.45)
      expect(fromServerMs).toBeLessThan(0.45)
    }
  })

  test('is never less than nothing, also where the stall is longer than the wait of the request', () => {
    const excess = new OneWayExcess()
    excess.add(0, 1_000, 1_000, 5, 0)
    excess.add(1_000, 2_010, 2_010, 1_015, 300)
    expect([excess.toServerMs, excess.fromServerMs]).toEqual([0, 0])
    excess.add(2_000, 3_000, 3_000, 2_005, 0)
    expect([excess.toServerMs, excess.fromServerMs]).toEqual([0, 0])
  })
})
