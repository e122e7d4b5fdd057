import { expect, test } from '@jest/globals'
import { parseCommandLine } from './command-line.ts'

test.each([
  [['-h'], 'help', []],
  [['--help'], 'help', []],
  [['help', 'load'], 'help', ['load']],
  [['load', 'help'], 'help', ['load']],
  [['-V'], 'version', []],
  [['--version'], 'version', []],
  [['version'], 'version', []],
  [['--interval', '--help'], 'help', []],
  [['load', 'echo://a'], undefined, ['load', 'echo://a']],
] as const)('%j requests %s', (args, request, words) => {
  expect(parseCommandLine(args)).toMatchObject({ request, words })
})

test.each([
  [['--message', 'help'], '--message', ['help']],
  [['--message=-h'], '--message', ['-h']],
  [['--message='], '--message', ['']],
  [['--message', ''], '--message', ['']],
  [['--message=a=b\nc'], '--message', ['a=b\nc']],
  [['--message', 'a', '--message=b'], '--message', ['a', 'b']],
  [['--message'], '--message', [undefined]],
  [['-x', 'a'], '-x', ['a']],
] as const)('%j has the flag %s with the values %j', (args, flag, values) => {
  const { flags, request } = parseCommandLine(args)
  expect([...flags]).toEqual([[flag, values]])
  expect(request).toBeUndefined()
})

test('everything after -- is a word', () => {
  const { flags, words, request } = parseCommandLine(['a', '--', '--help', '--message', 'help'])
  expect([...flags]).toEqual([])
  expect([words, request]).toEqual([['a', '--help', '--message', 'help'], undefined])
})
