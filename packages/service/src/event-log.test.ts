import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from '@jest/globals'
import { EventLog } from './event-log.ts'

const newLog = (now?: () => number) => new EventLog(['began', 'over'], now)

test('events have increasing ids, the time and what they are about', () => {
  let nowMs = 1_000
  const log = newLog(() => nowMs)
  log.add('began', 'a', { reason: 'eof', server: undefined })
  nowMs = 2_500
  log.add('over', undefined, { durationMs: 7, known: true })
  expect(log.startedAt).toBe('1970-01-01T00:00:01.000Z')
  expect(log.read()).toEqual([
    { id: 1, time: '1970-01-01T00:00:01.000Z', kind: 'began', about: 'a', fields: { reason: 'eof' } },
    { id: 2, time: '1970-01-01T00:00:02.500Z', kind: 'over', about: undefined, fields: { durationMs: 7, known: true } },
  ])
  expect(Object.keys(log.read()[0]?.fields ?? {})).toEqual(['reason'])
})

test('only the last thousand are kept', () => {
  const log = newLog()
  for (let event = 1; event <= 2_500; event++) log.add('began', 'a', { event })
  const events = log.read()
  expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, index) => 1_501 + index))
  expect(events.every(({ id, fields }) => fields.event === id)).toBe(true)
  expect(log.lastId).toBe(2_500)
})

test('are selected by id, kind and what they are about', () => {
  const log = newLog()
  for (const about of ['a', 'b', 'a']) for (const kind of ['began', 'over'] as const) log.add(kind, about)
  const ids = (selection: Parameters<typeof log.read>[0]) => log.read(selection).map(({ id }) => id)
  expect(ids({ since: 4 })).toEqual([5, 6])
  expect(ids({ since: 6 })).toEqual([])
  expect(ids({ since: 1_000_000 })).toEqual([])
  expect(ids({ kind: 'over' })).toEqual([2, 4, 6])
  expect(ids({ about: 'a', kind: 'began', since: 1 })).toEqual([5])
})

test('text from the network is escaped and short, and the rest of it is not kept', () => {
  const log = newLog()
  log.add('began', 'a', { server: `\u001b[31m${'x'.repeat(1_000)}`, worst: '\u{10ffff}'.repeat(1_000) })
  const [event] = log.read()
  expect(String(event?.fields.server)).toMatch(/^\\u\{1b\}\[31mx+$/)
  expect(Object.values(event?.fields ?? {}).map(value => String(value).length)).toEqual([200, 200])
})

test('a full log of long texts takes little memory', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const usedBytes = () => {
    // One collection frees what the one before has found.
    for (let turn = 0; turn < 3; turn++) collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const log = newLog()
  const beforeBytes = usedBytes()
  for (let event = 0; event < 1_000; event++) {
    log.add('began', 'a', { server: `${event}`.padEnd(100_000, 'a server with a very long name ') })
  }
  expect(usedBytes() - beforeBytes).toBeLessThan(2_000_000)
  expect(log.read()).toHaveLength(1_000)
})
