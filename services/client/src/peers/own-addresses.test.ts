import { networkInterfaces } from 'node:os'
import { expect, test } from '@jest/globals'
import { OwnAddresses } from './own-addresses.ts'

/** The own addresses of a client of node-a, where the servers at other addresses have these names. */
function ownOf(servers: Record<string, string | undefined>) {
  const asked: string[] = []
  let changes = 0
  const own = new OwnAddresses({
    identity: 'node-a',
    ask: async address => {
      asked.push(address)
      return servers[address]
    },
    changed: () => changes++,
  })
  return { own, asked, changes: () => changes }
}

const settled = () => new Promise(setImmediate)

test('the addresses of the machine are its own', () => {
  const { own } = ownOf({})
  const machine = () => Object.values(networkInterfaces()).flatMap(addresses => addresses?.map(({ address }) => address) ?? [])
  const before = machine()
  expect(before).toContain('127.0.0.1')
  const others = own.othersOf([...before, '198.51.100.1'])
  // Interfaces of containers come and go.
  const removed = before.filter(address => !machine().includes(address))
  expect(others.filter(address => !removed.includes(address))).toEqual(['198.51.100.1'])
})

test('an address whose server has the own identity is its own, as long as the name has it', async () => {
  const { own, changes } = ownOf({})
  const named = ['198.51.100.1', '198.51.100.2']
  expect(own.othersOf(named)).toEqual(named)
  own.met('198.51.100.1', 'node-a')
  own.met('198.51.100.2', 'node-b')
  await settled()
  expect(changes()).toBe(1)
  expect(own.othersOf(named)).toEqual(['198.51.100.2'])
  expect(own.othersOf(['198.51.100.2'])).toEqual(['198.51.100.2'])
  expect(own.othersOf(named)).toEqual(named)
})

test('when addresses change, the server at the own one is asked again: another may have taken it', async () => {
  const servers: Record<string, string | undefined> = { '198.51.100.1': 'node-a' }
  const { own, asked, changes } = ownOf(servers)
  own.met('198.51.100.1', 'node-a')
  own.othersOf(['198.51.100.1'])
  own.othersOf(['198.51.100.1'])
  await settled()
  expect([asked.length, changes()]).toEqual([1, 1])

  // One that does not answer may be restarting.
  servers['198.51.100.1'] = undefined
  expect(own.othersOf(['198.51.100.1', '198.51.100.2'])).toEqual(['198.51.100.2'])
  await settled()
  expect([asked.length, changes()]).toEqual([2, 1])

  servers['198.51.100.1'] = 'node-c'
  expect(own.othersOf(['198.51.100.1', '198.51.100.3'])).toEqual(['198.51.100.3'])
  await settled()
  expect([asked.length, changes()]).toEqual([3, 2])
  expect(own.othersOf(['198.51.100.1', '198.51.100.3'])).toEqual(['198.51.100.1', '198.51.100.3'])
})
