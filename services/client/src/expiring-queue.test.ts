import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { ExpiringQueue } from './expiring-queue.ts'

interface Item {
  readonly name: string
  readonly deadlineMs: number
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] })
})
afterEach(() => {
  jest.useRealTimers()
})

/** Lets time pass, and the event loop turn once more: an item expires one turn behind its timer. */
async function advance(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms)
  await nextTurn()
  await nextTurn()
}

/** A queue with the names of what expired in it. */
function watched() {
  const expired: string[] = []
  const queue = new ExpiringQueue<Item>(({ name }) => expired.push(name))
  const push = (name: string, inMs: number) => queue.push({ name, deadlineMs: performance.now() + inMs })
  return { expired, queue, push }
}

describe('an expiring queue', () => {
  test('returns items in the order in which they were added', () => {
    const { queue, push } = watched()
    for (const name of ['a', 'b', 'c']) push(name, 100)
    expect([queue.length, queue.shift()?.name, queue.shift()?.name, queue.length]).toEqual([3, 'a', 'b', 1])
    expect([queue.shift()?.name, queue.shift(), queue.length]).toEqual(['c', undefined, 0])
  })

  test('removes each item at its deadline and passes it to onExpire', async () => {
    const { expired, queue, push } = watched()
    push('a', 100)
    push('b', 150)
    push('c', 150)
    await advance(99)
    expect(expired).toEqual([])
    await advance(1)
    expect([expired, queue.length]).toEqual([['a'], 2])
    await advance(49)
    expect(expired).toEqual(['a'])
    await advance(1)
    expect([expired, queue.length]).toEqual([['a', 'b', 'c'], 0])
  })

  test('a removed item does not expire, and later ones still do in time', async () => {
    const { expired, queue, push } = watched()
    push('a', 100)
    push('b', 200)
    queue.shift()
    await advance(199)
    expect(expired).toEqual([])
    await advance(1)
    expect(expired).toEqual(['b'])
  })

  test('an overdue item expires at the next turn, not during push', async () => {
    const { expired, push } = watched()
    push('late', -1_000)
    expect(expired).toEqual([])
    await advance(1)
    expect(expired).toEqual(['late'])
  })

  test('clear removes all items, and none of them expires', async () => {
    const { expired, queue, push } = watched()
    push('a', 100)
    push('b', 100)
    expect(queue.clear().map(({ name }) => name)).toEqual(['a', 'b'])
    expect([queue.length, jest.getTimerCount()]).toEqual([0, 0])
    push('c', 300)
    await advance(299)
    expect(expired).toEqual([])
    await advance(1)
    expect(expired).toEqual(['c'])
  })

  test('may be cleared and filled again by onExpire', async () => {
    const expired: string[] = []
    const queue = new ExpiringQueue<Item>(({ name }) => {
      expired.push(name)
      queue.clear()
      if (name === 'a') queue.push({ name: 'again', deadlineMs: performance.now() + 50 })
    })
    for (const name of ['a', 'b']) queue.push({ name, deadlineMs: performance.now() + 100 })
    await advance(100)
    await advance(49)
    expect(expired).toEqual(['a'])
    await advance(1)
    expect([expired, jest.getTimerCount()]).toEqual([['a', 'again'], 0])
  })

  test('one timer serves all items', () => {
    const { push } = watched()
    for (let index = 0; index < 1_000; index++) push(String(index), 100 + index)
    expect(jest.getTimerCount()).toBe(1)
  })
})

test('with the real clock, which fires a little early at times, nothing expires before its deadline', async () => {
  jest.useRealTimers()
  const early: number[] = []
  let expired = 0
  const queue = new ExpiringQueue<Item>(({ deadlineMs }) => {
    expired++
    if (performance.now() < deadlineMs) early.push(deadlineMs - performance.now())
  })
  const startMs = performance.now()
  for (let index = 0; index < 50; index++) queue.push({ name: String(index), deadlineMs: startMs + 1 + index * 1.3 })
  while (queue.length > 0) await nextTurn()
  expect([expired, early]).toEqual([50, []])
})
