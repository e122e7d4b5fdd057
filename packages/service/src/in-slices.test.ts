import { expect, test } from '@jest/globals'
import { inSlices } from './in-slices.ts'

test('visits all items in order, at most 500 per turn of the event loop', async () => {
  const items = Array.from({ length: 1_250 }, (_, index) => index)
  const visited: number[] = []
  const counts: number[] = []
  let isOver = false
  const count = () => {
    counts.push(visited.length)
    if (!isOver) setImmediate(count)
  }
  count()
  await inSlices(items, item => visited.push(item))
  isOver = true
  expect(visited).toEqual(items)
  expect([...new Set(counts)]).toEqual([0, 500, 1_000])
})
