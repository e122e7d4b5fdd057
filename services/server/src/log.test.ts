import { describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { ConnectionReport } from './connection/report.ts'
import { unservedReport } from './connection/report.ts'
import { describeReport, serializeReport } from './log.ts'
import { closeReasons } from './reasons.ts'

/** The fields of a line as pino writes them. */
function pinoFields(object: object): string {
  let line = ''
  const base = { base: null, timestamp: false, formatters: { level: () => ({}) } }
  pino(base, { write: (text: string) => (line = text) }).info(object)
  return line
}

const peers = [
  { address: '192.0.2.1', port: 0 },
  { address: '2001:db8::1', port: 65_535 },
  { address: 'fe80::1%eth"0\\\n\u2028你\ud800', port: 1 },
]
const labels = ['greet:1234', 'echo:/run/a "b"\\\u0000\u001f\u007f/你好.sock', `greet:${'x'.repeat(100)}"`]
const counts = [0, 1, 4_294_967_296, Number.MAX_SAFE_INTEGER]

const reports: ConnectionReport[] = peers.flatMap(peer =>
  labels.flatMap(listener =>
    counts.flatMap(count =>
      closeReasons.map(reason => ({
        ...unservedReport({ listener, peer, reason, durationMs: count }),
        receivedBytes: count,
        sentBytes: count,
        messages: count,
        unsentBytes: count,
        unansweredBytes: count === 1 ? 0 : count,
      })),
    ),
  ),
)

describe('a report without an error', () => {
  test(`is serialized as pino does it (${reports.length} reports)`, () => {
    for (const report of reports) {
      expect(`{${serializeReport(report)?.slice(1)}}\n`).toBe(pinoFields(describeReport(report)).replace('{,', '{'))
    }
  })
})

test.each([
  ['an error', { error: new Error('a') }],
  ['a proxy', { peer: { address: '192.0.2.1', port: 1, via: { address: '192.0.2.2', port: 2 } } }],
  ['a Unix socket', { peer: { address: undefined, port: undefined } }],
])('a report with %s is left to the logger', (_, part) => {
  expect(serializeReport({ ...(reports[0] as ConnectionReport), ...part })).toBeUndefined()
})
