import { describe, expect, test } from '@jest/globals'
import { note } from '../../../tests/process/support/figures.ts'
import { Ticker } from './ticker.ts'

/** Rings an alarm at fractions of milliseconds, as often as this; how late each ring was, ms. */
function latenesses(ticker: Ticker, rings: number): Promise<number[]> {
  const lateMs: number[] = []
  return new Promise(resolve => {
    const alarm = {
      dueMs: performance.now(),
      ring() {
        lateMs.push(performance.now() - this.dueMs)
        this.dueMs += 7.3
        if (lateMs.length < rings) return
        ticker.remove(alarm)
        resolve(lateMs)
      },
    }
    ticker.add(alarm)
  })
}

describe('a ticker', () => {
  test('rings no alarm before it is due, whether its thread runs or not', async () => {
    const ticker = new Ticker()
    const before = await latenesses(ticker, 5)
    await ticker.ready()
    const after = await latenesses(ticker, 100)
    expect(Math.min(...before, ...after)).toBeGreaterThanOrEqual(0)
    const median = after.toSorted((one, other) => one - other)[50] ?? Number.NaN
    // Not asserted: it depends on how busy the machine is. Timers of whole milliseconds are late by half of one.
    note(`median of 100 alarms: ${median.toFixed(3)} ms late`)
  })

  test('does not ring an alarm that was removed', async () => {
    const ticker = new Ticker()
    let rings = 0
    const removed = { dueMs: performance.now() + 1, ring: () => rings++ }
    ticker.add(removed)
    ticker.remove(removed)
    await latenesses(ticker, 5)
    await ticker.ready()
    await latenesses(ticker, 5)
    expect(rings).toBe(0)
  })
})
