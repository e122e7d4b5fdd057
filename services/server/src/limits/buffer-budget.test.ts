import { beforeEach, describe, expect, test } from '@jest/globals'
import { BufferBudget, bufferLimit, type Holder, type Relief } from './buffer-budget.ts'

const KIBIBYTE = 2 ** 10
const MEBIBYTE = 2 ** 20
const GIBIBYTE = 2 ** 30

let reliefs: Relief[]
let nowMs: number
let budget: BufferBudget
let holders: Connection[]

/** A connection that holds what the test says. */
class Connection implements Holder {
  heldBytes = 0
  actualBytes = 0
  terminated: string | undefined

  countHeld(): void {
    budget.count(this, this.actualBytes)
  }

  terminate(reason: string): void {
    this.terminated = reason
  }

  holds(bytes: number): void {
    this.actualBytes = bytes
    this.countHeld()
  }
}

beforeEach(() => {
  reliefs = []
  nowMs = 5_000
  budget = new BufferBudget(
    100,
    relief => reliefs.push(relief),
    () => nowMs,
  )
  holders = Array.from({ length: 10 }, () => new Connection())
  budget.cover(holders.slice(0, 5))
  budget.cover(holders.slice(5))
})

function hold(...bytes: number[]): void {
  for (const [index, amount] of bytes.entries()) holders[index]?.holds(amount)
}

const terminated = () => holders.flatMap(({ terminated }, index) => (terminated === undefined ? [] : [index]))

test('up to the limit, nothing happens', () => {
  hold(50, 50)
  budget.enforce()
  expect([budget.bytes, terminated(), reliefs, budget.isOverShare(new Connection())]).toEqual([100, [], [], false])
})

test('above the limit, connections of any listener that hold the most are terminated, until a fifth of it is free', () => {
  hold(5, 5, 5, 5, 5, 40, 5, 35, 5)
  budget.enforce()
  expect(terminated()).toEqual([5])
  expect(holders[5]?.terminated).toBe('slow_reader')
  expect(budget.bytes).toBe(70)
  expect(reliefs).toEqual([{ heldBytes: 110, limitBytes: 100, terminated: 1 }])
})

test('as many as necessary are terminated', () => {
  hold(30, 30, 30, 30, 30, 30, 4, 4)
  budget.enforce()
  expect(budget.bytes).toBe(68)
  expect(terminated()).toHaveLength(4)
  expect(holders[6]?.terminated).toBeUndefined()
})

test('what readers have taken since it was counted does not terminate anything', () => {
  hold(60, 60)
  if (holders[0]) holders[0].actualBytes = 20
  budget.enforce()
  expect([budget.bytes, terminated(), reliefs, budget.exhausted]).toEqual([80, [], [], false])
})

test('new connections are rejected for a second after the limit was exceeded', () => {
  hold(60, 60)
  expect(budget.exhausted).toBe(true)
  budget.enforce()
  expect(budget.bytes).toBe(60)
  nowMs += 999
  expect(budget.exhausted).toBe(true)
  nowMs += 1
  expect(budget.exhausted).toBe(false)
})

test('near the limit, reading pauses on the connections that hold more than their share', () => {
  hold(10, 50, 10)
  expect(holders.map(holder => budget.isOverShare(holder))).not.toContain(true)
  hold(10, 60, 11)
  expect(holders.flatMap((holder, index) => (budget.isOverShare(holder) ? [index] : []))).toEqual([1])
})

test('unfinished handshakes count, and leave half of the limit to open connections', () => {
  const large = new BufferBudget(MEBIBYTE, () => {})
  for (let count = 0; count < 7; count++) large.changeHandshakes(1)
  expect([large.bytes, large.handshakesExhausted]).toEqual([7 * 64 * KIBIBYTE, false])
  large.changeHandshakes(1)
  expect([large.handshakesExhausted, large.exhausted]).toEqual([true, false])
  large.changeHandshakes(-1)
  expect([large.bytes, large.handshakesExhausted]).toEqual([7 * 64 * KIBIBYTE, false])
})

describe('the limit', () => {
  test.each([
    ['is a quarter of the memory limit', null, 512 * MEBIBYTE, 128 * MEBIBYTE],
    ['is 256 MiB where the memory is not limited', null, 0, 256 * MEBIBYTE],
    ['is 256 MiB where the memory limit is more than the machine has', null, 2 ** 63, 256 * MEBIBYTE],
    ['is that of the setting', 5, GIBIBYTE, 5],
    ['does not exist where the setting is 0', 0, GIBIBYTE, Number.POSITIVE_INFINITY],
  ])('%s', (_, setting, constrainedBytes, expected) => {
    expect(bufferLimit(setting, constrainedBytes, 8 * GIBIBYTE)).toBe(expected)
  })
})
