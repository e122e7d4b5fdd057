import { expect, test } from '@jest/globals'
import { unservedReport } from './connection/report.ts'
import { ListenerCounters, type ListenerTotals, totalsOf } from './counters.ts'

const counts = (receivedBytes: number) => ({
  receivedBytes,
  sentBytes: 2 * receivedBytes,
  messages: 3,
  readPauses: 4,
  corrupt: 5,
  bufferedBytes: 1,
})

const sum = (connections: number, bufferedBytes: number): ListenerTotals => ({
  receivedBytes: 5 + connections * 10,
  sentBytes: 10 + connections * 20,
  messages: 3 + connections * 3,
  readPauses: 4 + connections * 4,
  corrupt: 5 + connections * 5,
  bufferedBytes,
})

test('open and ended connections count once each, also those that end or begin while the others are added up', async () => {
  const counters = new ListenerCounters()
  const end = (ended: object) =>
    counters.addClosed(unservedReport({ ...ended, listener: '', peer: {} as never, reason: 'reset', durationMs: 0 }))
  end(counts(5))
  const open = Array.from({ length: 2_500 }, () => counts(10))
  const connections = { toArray: () => open.slice() }
  const totals = totalsOf({ connections, counters })
  end(open.pop() ?? {})
  open.shift()
  open.push(counts(10), counts(10))
  expect(await totals).toEqual(sum(2_500, 2_500))
  end(counts(10))
  expect(await totalsOf({ connections, counters })).toEqual(sum(2_502, 2_500))
})
