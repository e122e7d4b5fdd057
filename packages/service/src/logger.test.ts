import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { LogOutput } from './log-output.ts'
import { createLogger, logSerialized } from './logger.ts'

let lines: string[]

beforeEach(() => {
  lines = []
  jest.useFakeTimers({ now: 1_700_000_000_123 })
  jest.spyOn(LogOutput.prototype, 'write').mockImplementation(line => void lines.push(line))
})
afterEach(() => {
  jest.useRealTimers()
  jest.restoreAllMocks()
})

test.each(['debug', 'info', 'error'] as const)('a serialized line is the one that pino writes at level %s', level => {
  const logger = createLogger('a "service"', 'debug')
  const fields = { text: 'a "b" \\ 你好 \u0001\u2028', number: 12, nested: { a: [1] } }
  logger[level](fields, 'the "message"')
  logSerialized(logger, level, `,${JSON.stringify(fields).slice(1, -1)}`, 'the "message"')
  expect(lines).toHaveLength(2)
  expect(lines[1]).toBe(lines[0])
})

test('a serialized line below the minimum level is not written', () => {
  logSerialized(createLogger('service', 'warn'), 'info', ',"a":1', 'message')
  expect(lines).toEqual([])
})
