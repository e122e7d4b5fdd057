import { describe, expect, test } from '@jest/globals'
import { exitCode, type TargetLife, type Threshold } from './verdict.ts'

const none = { finished: 1, goaway: 0, server_closed: 0, reset: 0, timeout: 0, protocol: 0, mismatch: 0, local: 0 }
const life = (closed: Partial<typeof none> = {}, connected = true): TargetLife => ({
  connected,
  counters: { connectionsClosed: { ...none, ...closed } },
})
const threshold = (met: boolean): Threshold => ({ name: 'minRate', target: '', limit: 1, actual: 1, met })

const cases: [name: string, parameters: Parameters<typeof exitCode>, code: number][] = [
  ['all well', [undefined, [life(), life()], [threshold(true)], false], 0],
  ['left because the server asked for it', [undefined, [life({ goaway: 3 })], [], false], 0],
  ['a threshold missed', [undefined, [life()], [threshold(true), threshold(false)], false], 1],
  ['one target of two never connected', [undefined, [life(), life({}, false)], [], false], 3],
  ['a connection lost', [undefined, [life({ reset: 1 })], [], false], 4],
  ['a connection lost where failures are allowed', [undefined, [life({ server_closed: 1 })], [threshold(true)], true], 0],
  ['a connection lost and a threshold missed', [undefined, [life({ timeout: 1 })], [threshold(false)], true], 1],
  ['wrong bytes', [undefined, [life({ mismatch: 1 })], [], false], 5],
  ['wrong bytes where failures are allowed', [undefined, [life({ protocol: 1 })], [threshold(false)], true], 5],
  ['interrupted, whatever else', ['SIGINT', [life({ mismatch: 1 }, false)], [threshold(false)], false], 130],
  ['told to end', ['SIGTERM', [life()], [], false], 143],
]

describe('the exit code of a load', () => {
  test.each(cases)('%s', (_, parameters, code) => {
    expect(exitCode(...parameters)).toBe(code)
  })
})
