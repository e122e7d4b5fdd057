import { expect, test } from '@jest/globals'
import { ConnectionList, type Listed } from './connection-list.ts'
import { Sweep } from './sweep.ts'

class Item implements Listed {
  index = -1
  visits = 0
}

function listOf(size: number): [ConnectionList<Item>, Item[]] {
  const list = new ConnectionList<Item>()
  const items = Array.from({ length: size }, () => new Item())
  for (const item of items) list.add(item)
  return [list, items]
}

const visit = (item: Item) => void item.visits++

test('visits each connection once per interval, at most 500 in one go', () => {
  const [list, items] = listOf(1_250)
  let visited = 0
  const sweep = new Sweep(list, 500, () => visited++)
  const counts = [1, 2, 3, 4].map(() => {
    sweep.step()
    const count = visited
    visited = 0
    return count
  })
  expect(counts).toEqual([500, 500, 250, 500])
  expect(items).toHaveLength(1_250)
})

test('misses none that was there from the start while others come and go', () => {
  const [list, items] = listOf(5_000)
  const sweep = new Sweep(list, 500, visit)
  const removed = new Set<Item>()
  let seed = 1
  for (let step = 0; step < 10; step++) {
    sweep.step()
    for (let count = 0; count < 150; count++) {
      seed = (seed * 48_271) % 2_147_483_647
      const item = items[seed % items.length]
      if (item === undefined || removed.has(item)) continue
      removed.add(item)
      list.remove(item)
      if (count % 3 === 0) list.add(new Item())
    }
  }
  const remaining = items.filter(item => !removed.has(item))
  expect(remaining.length).toBeGreaterThan(3_000)
  expect(remaining.filter(({ visits }) => visits === 0)).toEqual([])
})

test('an empty list is visited again when a connection is there', () => {
  const [list] = listOf(0)
  const sweep = new Sweep(list, 500, visit)
  sweep.step()
  const item = new Item()
  list.add(item)
  sweep.step()
  expect(item.visits).toBe(1)
})
