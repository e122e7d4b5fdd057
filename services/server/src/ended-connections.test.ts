import { expect, test } from '@jest/globals'
import { EndedConnections } from './ended-connections.ts'

const ended = (endedAtMs: number) => ({
  reason: 'reset' as const,
  resetSeen: true,
  finSeen: false,
  pings: 3,
  receivedBytes: 51,
  sentBytes: 111,
  endedAtMs,
})

test('remembers how a connection ended, for an hour', () => {
  const connections = new EndedConnections()
  connections.add(7, ended(1_000))
  expect(connections.find(7, 1_000 + 3_600_000)).toEqual(ended(1_000))
  expect(connections.find(8, 1_000)).toBeUndefined()
  expect(connections.find(7, 1_001 + 3_600_000)).toBeUndefined()
})

test('remembers the last ten thousand', () => {
  const connections = new EndedConnections()
  for (let id = 1; id <= 10_001; id++) connections.add(id, ended(id))
  expect(connections.find(1, 10_001)).toBeUndefined()
  expect(connections.find(2, 10_001)).toEqual(ended(2))
  expect(connections.find(10_001, 10_001)).toEqual(ended(10_001))
})
