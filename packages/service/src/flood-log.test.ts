import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { FloodLog } from './flood-log.ts'

interface Item {
  readonly lost: number
}

describe('a log with two singles and a window of a second', () => {
  let lines: string[]
  let log: FloodLog<Item>

  beforeEach(() => {
    jest.useFakeTimers()
    lines = []
    log = new FloodLog({
      singles: 2,
      windowMs: 1_000,
      log: ({ lost }) => lines.push(`${lost}`),
      logSummary: ({ lost }, count) => lines.push(`${lost} in ${count}`),
      add: (summary, { lost }) => ({ lost: summary.lost + lost }),
    })
  })
  afterEach(() => {
    jest.useRealTimers()
  })

  const add = (...losses: number[]) => {
    for (const lost of losses) log.add('a', { lost })
  }

  test('logs the first items immediately, and the rest as a summary when the window ends', () => {
    add(1, 2, 3, 4, 5)
    expect(lines).toEqual(['1', '2'])
    jest.advanceTimersByTime(1_000)
    expect(lines).toEqual(['1', '2', '12 in 3'])
  })

  test('logs only summaries while a flood lasts, and single items again after a quiet window', () => {
    add(1, 2, 3)
    jest.advanceTimersByTime(1_000)
    add(4, 5)
    jest.advanceTimersByTime(1_000)
    expect(lines).toEqual(['1', '2', '3 in 1', '9 in 2'])
    jest.advanceTimersByTime(1_000)
    add(6)
    expect(lines.at(-1)).toBe('6')
    jest.advanceTimersByTime(1_000)
    expect(jest.getTimerCount()).toBe(0)
  })

  test('keeps kinds apart', () => {
    add(1, 2, 3)
    log.add('b', { lost: 4 })
    expect(lines).toEqual(['1', '2', '4'])
  })

  test('flushes pending summaries once', () => {
    add(1, 2, 3, 4)
    log.flush()
    expect(lines).toEqual(['1', '2', '7 in 2'])
    expect(jest.getTimerCount()).toBe(0)
  })
})
