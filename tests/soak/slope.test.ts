import { describe, expect, test } from '@jest/globals'
import { isFlat, type Sample, slopeOf } from './slope.ts'

/** A sample each second: a line with a sawtooth, as memory between garbage collections. */
const samples = (perSecond: number, { count = 1_200, tooth = 0 } = {}): Sample[] =>
  Array.from({ length: count }, (_, seconds) => ({ seconds, value: 100 + perSecond * seconds + (tooth * (seconds % 37)) / 37 }))

describe('the slope of samples', () => {
  test('of a line is exact', () => {
    const { perSecond, standardError } = slopeOf(samples(0.5))
    expect(perSecond).toBeCloseTo(0.5, 9)
    expect(standardError).toBeCloseTo(0, 9)
  })

  test('of a sawtooth is that of the line below it, within its error', () => {
    const { perSecond, standardError } = slopeOf(samples(0.01, { tooth: 10 }))
    expect(Math.abs(perSecond - 0.01)).toBeLessThan(2 * standardError)
    expect(standardError).toBeLessThan(0.005)
  })

  test('is unknown for too few samples', () => {
    expect(slopeOf(samples(1, { count: 2 }))).toEqual({ perSecond: Number.NaN, standardError: Number.NaN })
  })
})

describe('samples', () => {
  test.each([
    ['that do not change', samples(0), true],
    ['that fall', samples(-0.05), true],
    ['with a sawtooth only', samples(0, { tooth: 20 }), true],
    ['that grow by 2 %', samples(2 / 1_200), true],
    ['that grow by 20 %', samples(20 / 1_200), false],
    ['that grow by 20 % in a sawtooth', samples(20 / 1_200, { tooth: 10 }), false],
    ['that are too few', samples(0, { count: 2 }), false],
  ])('%s are flat: %#', (_, values, flat) => {
    expect(isFlat(values, 0.05)).toBe(flat)
  })
})
