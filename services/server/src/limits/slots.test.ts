import { describe, expect, test } from '@jest/globals'
import { createCapacity } from './capacity.ts'
import { AddressSlots, Slots } from './slots.ts'

const peer = (address: string | undefined) => ({ address, port: 1 })
const limits = (maxConnections: number, maxPerAddress: number) => ({
  capacity: createCapacity(maxConnections, 20_000),
  addresses: new AddressSlots(maxPerAddress),
})

test('the capacity of the process is shared by all listeners', () => {
  const shared = limits(2, 0)
  const [one, other] = [new Slots(shared, 0), new Slots(shared, 0)]
  one.take(peer('192.0.2.1'))
  expect(other.full).toBe(false)
  other.take(peer('192.0.2.1'))
  expect([one.full, other.full]).toEqual([true, true])
  one.release(peer('192.0.2.1'))
  expect(other.full).toBe(false)
})

describe('the limit of an address', () => {
  test('of the process counts the connections on all listeners', () => {
    const shared = limits(0, 2)
    const [one, other] = [new Slots(shared, 0), new Slots(shared, 0)]
    one.take(peer('192.0.2.1'))
    other.take(peer('192.0.2.1'))
    expect([one.limitReached(peer('192.0.2.1')), other.limitReached(peer('192.0.2.1'))]).toEqual([2, 2])
    expect(one.limitReached(peer('192.0.2.2'))).toBeUndefined()
    other.release(peer('192.0.2.1'))
    expect(one.limitReached(peer('192.0.2.1'))).toBeUndefined()
  })

  test('of one listener counts its own connections only, and the process still limits them', () => {
    const shared = limits(0, 3)
    const [one, other] = [new Slots(shared, 1), new Slots(shared, 0)]
    other.take(peer('192.0.2.1'))
    expect(one.limitReached(peer('192.0.2.1'))).toBeUndefined()
    one.take(peer('192.0.2.1'))
    expect([one.limitReached(peer('192.0.2.1')), other.limitReached(peer('192.0.2.1'))]).toEqual([1, undefined])
    other.take(peer('192.0.2.1'))
    expect([one.limitReached(peer('192.0.2.1')), other.limitReached(peer('192.0.2.1'))]).toEqual([3, 3])
  })

  test('does not apply to Unix sockets', () => {
    const slots = new Slots(limits(0, 1), 1)
    slots.take(peer(undefined))
    expect(slots.limitReached(peer(undefined))).toBeUndefined()
  })
})
