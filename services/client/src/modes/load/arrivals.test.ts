import { describe, expect, test } from '@jest/globals'
import { arrivalTimes } from './arrivals.ts'

describe('arrivals', () => {
  test.each([1, 3, 7, 2_000, 999_999])(
    '%i per second on a fixed schedule are exact in number',
    rate => {
      const next = arrivalTimes('fixed', rate)
      let count = 0
      while (next() < 10_000) count++
      expect(count).toBe(10 * rate)
    },
    60_000,
  )

  test('a fixed schedule starts immediately and has equal intervals', () => {
    const next = arrivalTimes('fixed', 4)
    expect([next(), next(), next()]).toEqual([0, 250, 500])
  })

  test('gaps of a Poisson process are exponentially distributed', () => {
    // The quantiles of the uniform distribution give those of the exponential one: mean 10 ms, median 10 × ln 2.
    const draws = 10_000
    let draw = 0
    const next = arrivalTimes('poisson', 100, () => (draw++ + 0.5) / draws)
    const times = Array.from({ length: draws }, next)
    const gaps = times.map((time, index) => time - (times[index - 1] ?? 0))
    expect((times.at(-1) ?? 0) / draws).toBeCloseTo(10, 1)
    expect(gaps[draws / 2]).toBeCloseTo(10 * Math.LN2, 1)
  })
})
