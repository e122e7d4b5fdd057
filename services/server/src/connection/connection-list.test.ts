import { expect, test } from '@jest/globals'
import { ConnectionList } from './connection-list.ts'

const item = (name: string) => ({ name, index: -1 })
const names = (list: ConnectionList<{ name: string; index: number }>) => [...list].map(({ name }) => name).sort()

test('items can be removed in any order', () => {
  const list = new ConnectionList<{ name: string; index: number }>()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(item) as [never, never, never, never]
  for (const each of [a, b, c, d]) list.add(each)
  expect(names(list)).toEqual(['a', 'b', 'c', 'd'])
  list.remove(a)
  expect(names(list)).toEqual(['b', 'c', 'd'])
  list.remove(d)
  expect(names(list)).toEqual(['b', 'c'])
  list.add(a)
  list.remove(c)
  expect(names(list)).toEqual(['a', 'b'])
  list.remove(b)
  list.remove(a)
  expect([list.size, ...list]).toEqual([0])
})

test('a thousand items, added and removed at random, are those of a Set', () => {
  const list = new ConnectionList<{ name: string; index: number }>()
  const expected = new Set<{ name: string; index: number }>()
  let state = 1
  for (let turn = 0; turn < 10_000; turn++) {
    state = (state * 48_271) % 2_147_483_647
    const [any] = expected
    if (state % 2 === 0 || any === undefined) {
      const added = item(String(turn))
      list.add(added)
      expected.add(added)
    } else {
      list.remove(any)
      expected.delete(any)
    }
  }
  expect(list.size).toBe(expected.size)
  expect(new Set(list)).toEqual(expected)
})
