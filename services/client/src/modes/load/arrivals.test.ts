import { describe, expect, test } from '@jest/globals'
import { arrivalTimes } from './arrivals.ts'
import { WHOLE } from './share.ts'

describe('arrivals', () => {
  test.each([
    [1, 10],
    [3, 10],
    [7, 10],
    [2_000, 10],
    [999_999, 1],
  ])('%i per second on a fixed schedule are exact in number, for %i s', (rate, seconds) => {
    const next = arrivalTimes({ arrivals: 'fixed', rate, connections: 1 })
    let count = 0
    while (next() < seconds * 1_000) count++
    expect(count).toBe(seconds * rate)
  })

  test('a fixed schedule starts immediately and has equal intervals', () => {
    const next = arrivalTimes({ arrivals: 'fixed', rate: 4, connections: 1 })
    expect([next(), next(), next()]).toEqual([0, 250, 500])
  })

  test('of two threads are those of one', () => {
    const loop = { arrivals: 'fixed', rate: 3, connections: 5 } as const
    const times = (thread: number, count: number) => Array.from({ length: count }, arrivalTimes(loop, { thread, threads: 2 }))
    // Three of the connections belong to the first thread.
    const both = [...times(0, 6), ...times(1, 4)].sort((a, b) => a - b)
    expect(both).toEqual(Array.from({ length: 10 }, arrivalTimes(loop)))
  })

  test('of a Poisson process have the rate of the connections of their thread', () => {
    const loop = { arrivals: 'poisson', rate: 100, connections: 5 } as const
    const first = arrivalTimes(loop, { thread: 0, threads: 2 }, () => 0.5)
    expect(first()).toBeCloseTo((Math.LN2 * 1_000) / 60, 9)
  })

  test('gaps of a Poisson process are exponentially distributed', () => {
    // The quantiles of the uniform distribution give those of the exponential one: mean 10 ms, median 10 × ln 2.
    const draws = 10_000
    let draw = 0
    const next = arrivalTimes({ arrivals: 'poisson', rate: 100, connections: 1 }, WHOLE, () => (draw++ + 0.5) / draws)
    const times = Array.from({ length: draws }, next)
    const gaps = times.map((time, index) => time - (times[index - 1] ?? 0))
    expect((times.at(-1) ?? 0) / draws).toBeCloseTo(10, 1)
    expect(gaps[draws / 2]).toBeCloseTo(10 * Math.LN2, 1)
  })
})
