import { expect, test } from '@jest/globals'
import { bytes, duration, integer, milliseconds, percentage, rate, timeOfDay } from './quantities.ts'

test.each([
  [-5, '0 s', '0 秒'],
  [9_999, '9 s', '9 秒'],
  [192_000, '3 min 12 s', '3 分 12 秒'],
  [3_600_000, '1 h 0 min', '1 小时 0 分'],
  [90_000_000, '1 d 1 h', '1 天 1 小时'],
])('%d ms last %s', (ms, english, chinese) => {
  expect([duration(ms, 'en'), duration(ms, 'zh')]).toEqual([english, chinese])
})

test.each([
  [undefined, '–'],
  [0.0123, '12 µs'],
  [0.99949, '999 µs'],
  [0.9996, '1.00 ms'],
  [9.996, '10.0 ms'],
  [99.96, '100 ms'],
  [999.6, '1.00 s'],
])('%p ms is %s', (ms, text) => {
  expect(milliseconds(ms)).toBe(text)
})

test('bytes, counts, rates, shares and times', () => {
  expect([0, 999, 1_000, 1_048_576, 5e9].map(bytes)).toEqual(['0 B', '999 B', '0.98 KiB', '1.00 MiB', '4.66 GiB'])
  expect(integer(1_234_567)).toBe('1,234,567')
  expect([0, 9.94, 9.96, 1_234].map(rate)).toEqual(['0.0', '9.9', '10', '1,234'])
  expect([0, 0.00001, 0.05, 0.5, 0.99999, 1].map(percentage)).toEqual(['0 %', '0.1 %', '5.0 %', '50 %', '99.9 %', '100 %'])
  expect(timeOfDay(Date.UTC(2026, 10, 21, 17, 3, 5))).toBe('17:03:05')
})
