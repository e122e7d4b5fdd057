import { describe, expect, test } from '@jest/globals'
import { exitCode, type LoadThreshold, type TargetRun } from './thresholds.ts'

const run = (closed: Readonly<Record<string, number>> = {}, { connected = true, different = 0 } = {}): TargetRun => ({
  notConnected: connected ? null : { reason: 'refused', message: null },
  connections: { closed: { finished: 1, ...closed }, comparisons: { equal: 1, different } },
})
const threshold = (met: boolean): LoadThreshold => ({ name: 'minRate', target: '', limit: 1, actual: 1, met })

const cases: [name: string, parameters: Parameters<typeof exitCode>, code: number][] = [
  ['success', [undefined, [run(), run()], [threshold(true)], false], 0],
  ['handed over at the request of the server', [undefined, [run({ goaway: 3 })], [], false], 0],
  ['a threshold missed', [undefined, [run()], [threshold(true), threshold(false)], false], 1],
  ['one target of two never connected', [undefined, [run(), run({}, { connected: false })], [], false], 3],
  ['a connection lost', [undefined, [run({ reset: 1 })], [], false], 4],
  ['a connection lost where failures are allowed', [undefined, [run({ server_closed: 1 })], [threshold(true)], true], 0],
  ['a connection lost and a threshold missed', [undefined, [run({ timeout: 1 })], [threshold(false)], true], 1],
  ['wrong bytes', [undefined, [run({ mismatch: 1 })], [], false], 5],
  ['wrong bytes where failures are allowed', [undefined, [run({ protocol: 1 })], [threshold(false)], true], 5],
  ['counters that differ', [undefined, [run(), run({}, { different: 1 })], [threshold(false)], true], 5],
  ['interrupted, whatever else', ['SIGINT', [run({ mismatch: 1 }, { connected: false })], [threshold(false)], false], 130],
  ['terminated', ['SIGTERM', [run()], [], false], 143],
]

describe('the exit code of a load', () => {
  test.each(cases)('%s', (_, parameters, code) => {
    expect(exitCode(...parameters)).toBe(code)
  })
})
