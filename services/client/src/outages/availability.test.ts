import { describe, expect, test } from '@jest/globals'
import { Availability } from './availability.ts'

const [first, second] = [{}, {}]

describe('a target is down', () => {
  test('from the moment when its last session failed until one works again', () => {
    const target = new Availability<object>()
    target.works(first, 0)
    target.works(second, 0)
    target.fails(first, 1_000)
    expect([target.down, target.downMs(2_000)]).toEqual([false, 0])
    target.fails(second, 1_500)
    expect([target.down, target.downMs(2_000)]).toEqual([true, 500])
    target.works(first, 3_000)
    expect([target.down, target.downMs(9_000)]).toEqual([false, 1_500])
    target.fails(first, 10_000)
    expect([target.down, target.downMs(10_500)]).toEqual([true, 2_000])
  })

  test('no longer when its failing sessions end', () => {
    const target = new Availability<object>()
    target.works(first, 0)
    target.fails(first, 1_000)
    target.remove(first, 1_200)
    expect([target.down, target.downMs(9_000)]).toEqual([false, 200])
  })
})
