import { expect, test } from '@jest/globals'
import { ConnectionHistory } from './connection-history.ts'
import { unservedReport } from './report.ts'

const report = (id: number) => ({
  ...unservedReport({ listener: 'probe:7000', peer: { address: '127.0.0.1', port: 1 }, reason: 'reset', durationMs: 5 }),
  id,
  error: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
  messages: 3,
  receivedBytes: 51,
  sentBytes: 111,
})

const ended = { state: 'closed', reason: 'reset', resetSeen: true, finSeen: false, pings: 3, receivedBytes: 51, sentBytes: 111 }

test('has open and closed connections, but no unknown ones and none of another process', () => {
  const history = new ConnectionHistory('boot')
  history.opened({ id: 7, messages: 2, receivedBytes: 34, sentBytes: 90 })
  expect(history.lookUp('boot', 7)).toEqual({ state: 'open', pings: 2, receivedBytes: 34, sentBytes: 90 })
  history.closed(report(7), 1_000)
  expect(history.lookUp('boot', 7, 1_500)).toEqual({ ...ended, agoMs: 500 })
  expect(history.lookUp('boot', 8)).toEqual({ state: 'unknown' })
  expect(history.lookUp('other', 7)).toEqual({ state: 'other_boot' })
})

test('remembers how a connection ended for an hour', () => {
  const history = new ConnectionHistory('boot')
  history.closed(report(7), 1_000)
  expect(history.lookUp('boot', 7, 1_000 + 3_600_000)).toMatchObject(ended)
  expect(history.lookUp('boot', 7, 1_001 + 3_600_000)).toEqual({ state: 'unknown' })
})

test('remembers the last ten thousand', () => {
  const history = new ConnectionHistory('boot')
  for (let id = 1; id <= 10_001; id++) history.closed(report(id), id)
  expect(history.lookUp('boot', 1, 10_001)).toEqual({ state: 'unknown' })
  expect(history.lookUp('boot', 2, 10_001)).toMatchObject(ended)
})
