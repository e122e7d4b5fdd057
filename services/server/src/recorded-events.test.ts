import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { EventLog } from '@nihao/service'
import type { ServerEvents } from './events.ts'
import type { Listener } from './listener.ts'
import type { CloseReason } from './reasons.ts'
import { recordEvents } from './recorded-events.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

const listener = { label: 'echo:7007' } as Listener
const peer = { address: '192.0.2.1', port: 1 }

const listed = (log: EventLog) => log.read().map(({ kind, about, fields }) => ({ kind, about, ...fields }))

test('a flood of rejected connections is one event at once, and one per minute with their number', () => {
  const events: ServerEvents = new EventEmitter()
  const log = recordEvents(events)
  const flood = (connections: number) => {
    for (let index = 0; index < connections; index++) events.emit('rejected', listener, peer, 'max_connections', undefined)
  }
  flood(10_000)
  events.emit('rejected', listener, peer, 'overload', undefined)
  const first = { kind: 'connections_rejected', about: 'echo:7007', reason: 'max_connections', connections: 1 }
  const other = { ...first, reason: 'overload' }
  expect(listed(log)).toEqual([first, other])
  jest.advanceTimersByTime(60_000)
  expect(listed(log)).toEqual([first, other, { ...first, connections: 9_999 }])
  flood(500)
  jest.advanceTimersByTime(60_000)
  expect(listed(log)).toEqual([first, other, { ...first, connections: 9_999 }, { ...first, connections: 500 }])
})

test('slow readers are summed up by listener, and other ends of connections are no events', () => {
  const events: ServerEvents = new EventEmitter()
  const log = recordEvents(events)
  const close = (reason: CloseReason) => events.emit('closed', listener, { reason } as never)
  for (let index = 0; index < 5; index++) close('slow_reader')
  close('reset')
  events.emit('bufferLimitExceeded', { heldBytes: 11, limitBytes: 10, terminated: 3 })
  events.emit('bufferLimitExceeded', { heldBytes: 12, limitBytes: 10, terminated: 4 })
  events.emit('bufferLimitExceeded', { heldBytes: 13, limitBytes: 10, terminated: 5 })
  jest.advanceTimersByTime(60_000)
  const slow = { kind: 'slow_readers', about: 'echo:7007' }
  const exceeded = { kind: 'buffer_limit_exceeded', about: undefined, limitBytes: 10 }
  expect(listed(log)).toEqual([
    { ...slow, connections: 1 },
    { ...exceeded, heldBytes: 11, terminated: 3 },
    { ...slow, connections: 4 },
    { ...exceeded, heldBytes: 12, terminated: 9, times: 2 },
  ])
})
