import { describe, expect, test } from '@jest/globals'
import { count, optional, sizeRange } from './formats.ts'

describe('formats', () => {
  test.each([
    ['1B', { minimum: 1, maximum: 1 }],
    ['64KiB', { minimum: 65_536, maximum: 65_536 }],
    ['100B..10KiB', { minimum: 100, maximum: 10_240 }],
    ['64MiB', { minimum: 67_108_864, maximum: 67_108_864 }],
  ])('%s is a range of sizes', (text, range) => {
    expect(sizeRange.parse(text)).toEqual(range)
  })

  test.each(['', '0B', '0B..5B', '10B..5B', '100', '100..10000', '1B..', '..1B', '1B..2B..3B', '1B - 2B', '65MiB', '1B..1GiB'])(
    '"%s" is none',
    text => {
      expect(sizeRange.parse(text)).toBeUndefined()
    },
  )

  test('what may be left out is null for the empty text, and else what it is', () => {
    expect([optional(count).parse(''), optional(count).parse('0'), optional(count).parse('x')]).toEqual([null, 0, undefined])
  })
})
