import { expect, test } from '@jest/globals'
import { longestGap } from './witness.ts'

const replies = ['reply 980', 'reply 1000', 'reply 4000', 'reply 4020', 'reply 4100']

test('the longest gap between replies is the length of a fault', () => {
  expect(longestGap({ lines: replies }, 900)).toEqual({ leastMs: 3_000, mostMs: 3_000 })
  expect(longestGap({ lines: replies }, 4_010)).toEqual({ leastMs: 80, mostMs: 80 })
  expect(longestGap({ lines: [] }, 0)).toEqual({ leastMs: 0, mostMs: 0 })
})

test('it may have begun later or ended earlier while the witness was asleep', () => {
  const lines = [...replies, 'asleep 990 1200', 'asleep 2000 2500', 'asleep 3700 4000']
  expect(longestGap({ lines }, 900)).toEqual({ leastMs: 3_000 - 210 - 300, mostMs: 3_000 })
})
