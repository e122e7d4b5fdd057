import { describe, expect, test } from '@jest/globals'
import { Schedule } from './schedule.ts'
import { sharedTicker } from './ticker.ts'

/** Keeps the event loop busy, as a long computation would. */
function block(durationMs: number): void {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {}
}

const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0)

interface Run {
  readonly startedMs: [from: number, to: number]
  /** The intended time of each tick, and when it came. */
  readonly ticks: { intendedMs: number; cameMs: number }[]
  readonly skipped: number[]
}

/** Runs a schedule for so many intervals, started or skipped, and stops it. */
function run(
  options: { intervalMs: number; tooLateMs: number; offsetMs?: number; intervals: number },
  onTick = (_tick: number) => {},
): Promise<Run> {
  const { intervalMs, tooLateMs, offsetMs = 0, intervals } = options
  const ticks: Run['ticks'] = []
  const skipped: number[] = []
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`only ${ticks.length} ticks came`)), 10_000)
    const schedule = new Schedule({
      intervalMs,
      tooLateMs,
      tick(intendedMs) {
        ticks.push({ intendedMs, cameMs: performance.now() })
        onTick(ticks.length)
        if (ticks.length + sum(skipped) < intervals) return
        clearTimeout(deadline)
        setImmediate(() => {
          schedule.stop()
          resolve({ startedMs, ticks, skipped })
        })
      },
      skipped: count => skipped.push(count),
    })
    const fromMs = performance.now()
    schedule.start(offsetMs)
    const startedMs: Run['startedMs'] = [fromMs, performance.now()]
  })
}

/** The distance of each tick from the first one, in intervals. */
const places = ({ ticks }: Run, intervalMs: number) =>
  ticks.map(({ intendedMs }) => (intendedMs - (ticks[0]?.intendedMs ?? Number.NaN)) / intervalMs)

describe('a schedule', () => {
  test('has its n-th tick at start + offset + n × interval, and never before that', async () => {
    const { startedMs, ticks, skipped } = await run({ intervalMs: 10, tooLateMs: 10_000, offsetMs: 25, intervals: 12 })
    const [from, to] = startedMs
    expect(skipped).toEqual([])
    for (const [index, { intendedMs, cameMs }] of ticks.entries()) {
      expect(intendedMs).toBeGreaterThanOrEqual(from + 25 + index * 10 - 1e-6)
      expect(intendedMs).toBeLessThanOrEqual(to + 25 + index * 10 + 1e-6)
      expect(cameMs).toBeGreaterThanOrEqual(intendedMs)
    }
  })

  test('ticks immediately without an offset', async () => {
    const { startedMs, ticks } = await run({ intervalMs: 60_000, tooLateMs: 10_000, intervals: 1 })
    expect(ticks[0]?.intendedMs).toBeGreaterThanOrEqual(startedMs[0])
    expect(ticks[0]?.intendedMs).toBeLessThanOrEqual(startedMs[1])
  })

  test('is not shifted by slow ticks', async () => {
    const slow = await run({ intervalMs: 10, tooLateMs: 10_000, intervals: 15 }, () => block(7))
    for (const [index, place] of places(slow, 10).entries()) expect(place).toBeCloseTo(index)
  })

  test('catches up on ticks missed by a blocked event loop, each with its intended time', async () => {
    const blocked = await run({ intervalMs: 10, tooLateMs: 10_000, intervals: 30 }, tick => tick === 5 && block(150))
    expect(blocked.skipped).toEqual([])
    for (const [index, place] of places(blocked, 10).entries()) expect(place).toBeCloseTo(index)
    const unblockedMs = (blocked.ticks[4]?.cameMs ?? Number.NaN) + 150
    const madeUp = blocked.ticks.slice(5).filter(({ intendedMs }) => intendedMs < unblockedMs)
    expect(madeUp.length).toBeGreaterThanOrEqual(10)
    for (const { cameMs } of madeUp) expect(cameMs).toBeGreaterThanOrEqual(unblockedMs)
  })

  test('skips and reports ticks that are too late, and makes up for the rest', async () => {
    const blocked = await run({ intervalMs: 10, tooLateMs: 100, intervals: 40 }, tick => tick === 5 && block(300))
    const missing = sum(blocked.skipped)
    expect(missing).toBeGreaterThanOrEqual(18)
    // The number reported as skipped is exactly the number of missing ticks.
    expect(places(blocked, 10).at(-1)).toBeCloseTo(blocked.ticks.length + missing - 1)
    const unblockedMs = (blocked.ticks[4]?.cameMs ?? Number.NaN) + 300
    const madeUp = blocked.ticks.slice(5).filter(({ intendedMs }) => intendedMs < unblockedMs)
    expect(madeUp.length).toBeGreaterThan(0)
    for (const { intendedMs } of madeUp) expect(intendedMs).toBeGreaterThanOrEqual(unblockedMs - 100)
  })

  test('does not tick after it was stopped, whether it was started or not', async () => {
    let ticks = 0
    const schedule = () => new Schedule({ intervalMs: 1, tooLateMs: 1_000, tick: () => ticks++, skipped: () => {} })
    const never = schedule()
    never.stop()
    const stopped = schedule()
    stopped.start(0)
    stopped.stop()
    // Fifty ticks of another one give it time.
    await run({ intervalMs: 1, tooLateMs: 1_000, intervals: 50 })
    expect(ticks).toBe(0)
  })

  test('that is stopped by a tick does not tick again', async () => {
    let ticks = 0
    const schedule: Schedule = new Schedule({
      intervalMs: 1,
      tooLateMs: 1_000,
      tick() {
        ticks++
        schedule.stop()
      },
      skipped: () => {},
    })
    schedule.start()
    await run({ intervalMs: 1, tooLateMs: 1_000, intervals: 50 })
    expect(ticks).toBe(1)
  })

  test('numbers its ticks, skipped ones included', async () => {
    const indices: number[] = []
    const skipped: number[] = []
    await new Promise<void>(resolve => {
      const schedule: Schedule = new Schedule({
        intervalMs: 10,
        tooLateMs: 30,
        tick(_, index) {
          indices.push(index)
          if (indices.length === 2) block(200)
          if (indices.length < 8) return
          schedule.stop()
          resolve()
        },
        skipped: count => skipped.push(count),
      })
      schedule.start()
    })
    expect(skipped).not.toEqual([])
    expect(indices.at(-1)).toBe(indices.length - 1 + sum(skipped))
  })

  // A busy machine makes some ticks late; timers of whole milliseconds are late by half of one, however quiet it is.
  test('is precise to a tenth of a millisecond', async () => {
    await sharedTicker().ready()
    let medianMs = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < 30 && medianMs > 0.1; attempt++) {
      const { ticks } = await run({ intervalMs: 7.3, tooLateMs: 10_000, intervals: 40 })
      const lagsMs = ticks.slice(1).map(({ intendedMs, cameMs }) => cameMs - intendedMs)
      medianMs = Math.min(medianMs, lagsMs.toSorted((a, b) => a - b)[20] ?? Number.NaN)
    }
    expect(medianMs).toBeLessThanOrEqual(0.1)
  })
})
