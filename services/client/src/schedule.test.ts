import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Schedule } from './schedule.ts'
import type { Alarm } from './ticker.ts'

const START_MS = 1_000

/** The clock that schedules read, which only the test moves. */
let nowMs: number
let alarms: Set<Alarm>

beforeEach(() => {
  nowMs = START_MS
  alarms = new Set()
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs)
})
afterEach(() => {
  jest.restoreAllMocks()
})

/** Keeps the event loop busy, as a long computation would. */
function block(durationMs: number): void {
  nowMs += durationMs
}

/** Lets time pass, and rings each alarm as soon as it is due. */
function pass(durationMs: number): void {
  const endMs = nowMs + durationMs
  for (;;) {
    const [next] = [...alarms].sort((one, other) => one.dueMs - other.dueMs)
    if (next === undefined || next.dueMs > endMs) break
    nowMs = Math.max(nowMs, next.dueMs)
    next.ring(nowMs)
  }
  nowMs = Math.max(nowMs, endMs)
}

interface Tick {
  /** From the start of the test. */
  readonly intendedMs: number
  readonly index: number
  readonly cameMs: number
}

/** A schedule, and what it does. */
function scheduled(intervalMs: number, tooLateMs: number, onTick = (_tick: number) => {}) {
  const ticks: Tick[] = []
  const skipped: number[] = []
  const options = {
    intervalMs,
    tooLateMs,
    tick(intendedMs: number, index: number) {
      ticks.push({ intendedMs: intendedMs - START_MS, index, cameMs: nowMs - START_MS })
      onTick(ticks.length)
    },
    skipped: (count: number) => skipped.push(count),
  }
  const ticker = { add: (alarm: Alarm) => alarms.add(alarm), remove: (alarm: Alarm) => alarms.delete(alarm) }
  return { schedule: new Schedule(options, ticker), ticks, skipped }
}

/** The times of the ticks of a schedule of 10 ms. */
const every10 = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index * 10)

describe('a schedule', () => {
  test('has its n-th tick at start + offset + n × interval', () => {
    const { schedule, ticks } = scheduled(10, 10_000)
    schedule.start(25)
    pass(24)
    expect(ticks).toEqual([])
    pass(100)
    expect(ticks.map(({ intendedMs }) => intendedMs)).toEqual(every10(25, 10))
    expect(ticks.map(({ cameMs }) => cameMs)).toEqual(every10(25, 10))
  })

  test('ticks immediately without an offset', () => {
    const { schedule, ticks } = scheduled(60_000, 10_000)
    schedule.start()
    pass(0)
    expect(ticks).toEqual([{ intendedMs: 0, index: 0, cameMs: 0 }])
  })

  test('is not shifted by slow ticks', () => {
    const { schedule, ticks } = scheduled(10, 10_000, () => block(7))
    schedule.start()
    pass(105)
    expect(ticks.map(({ cameMs }) => cameMs)).toEqual(every10(0, 11))
  })

  test('catches up on ticks missed by a blocked event loop, each with its intended time', () => {
    const { schedule, ticks, skipped } = scheduled(10, 10_000, tick => tick === 5 && block(150))
    schedule.start()
    pass(250)
    expect(skipped).toEqual([])
    expect(ticks.map(({ intendedMs }) => intendedMs)).toEqual(every10(0, 26))
    // Those from 50 to 190 ms came when the block was over, at 190 ms.
    expect(ticks.map(({ cameMs }) => cameMs)).toEqual([...every10(0, 5), ...Array(15).fill(190), ...every10(200, 6)])
  })

  test('skips and reports ticks that are too late, and makes up for the rest', () => {
    const { schedule, ticks, skipped } = scheduled(10, 95, tick => tick === 5 && block(300))
    schedule.start()
    pass(400)
    // The block lasts from 40 to 340 ms: at its end, those before 245 ms are too late.
    expect(skipped).toEqual([20])
    expect(ticks.map(({ intendedMs }) => intendedMs)).toEqual([...every10(0, 5), ...every10(250, 16)])
    expect(ticks.slice(5, 15).map(({ cameMs }) => cameMs)).toEqual(Array(10).fill(340))
  })

  test('does not tick after it was stopped, whether it was started or not', () => {
    const never = scheduled(1, 1_000)
    never.schedule.stop()
    const stopped = scheduled(1, 1_000)
    stopped.schedule.start()
    stopped.schedule.stop()
    pass(50)
    expect([never.ticks, stopped.ticks, alarms.size]).toEqual([[], [], 0])
  })

  test('that is stopped by a tick does not tick again', () => {
    const { schedule, ticks } = scheduled(1, 1_000, () => schedule.stop())
    schedule.start()
    block(10) // several are due
    pass(50)
    expect([ticks.length, alarms.size]).toEqual([1, 0])
  })

  test('numbers its ticks, skipped ones included', () => {
    const { schedule, ticks, skipped } = scheduled(10, 30, tick => tick === 2 && block(200))
    schedule.start()
    pass(300)
    expect(skipped).toEqual([16])
    expect(ticks.map(({ intendedMs, index }) => intendedMs / 10 - index)).toEqual(Array(ticks.length).fill(0))
  })
})
