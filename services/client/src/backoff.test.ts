import { describe, expect, test } from '@jest/globals'
import { backoffMs } from './backoff.ts'

const samples = (failures: number, baseMs = 100, maxMs = 1_000) =>
  Array.from({ length: 2_000 }, () => backoffMs(failures, baseMs, maxMs))

describe('backoff', () => {
  test.each([
    [0, 100],
    [1, 200],
    [2, 400],
    [3, 800],
    [4, 1_000],
    [10, 1_000],
    [5_000, 1_000], // 2^5000 is more than a number can hold
  ])('after %i more failures is anything from 0 to %i ms', (failures, capMs) => {
    const delays = samples(failures)
    const mean = delays.reduce((sum, delay) => sum + delay) / delays.length
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0)
    expect(Math.min(...delays)).toBeLessThan(capMs * 0.05)
    expect(Math.max(...delays)).toBeLessThan(capMs)
    expect(Math.max(...delays)).toBeGreaterThan(capMs * 0.95)
    // Eight standard errors of 2,000 uniform samples.
    expect(Math.abs(mean - capMs / 2)).toBeLessThan(capMs * 0.052)
  })

  test('a base over the maximum is the maximum', () => {
    expect(Math.max(...samples(0, 5_000, 50))).toBeLessThan(50)
  })
})
