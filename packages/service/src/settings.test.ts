import { describe, expect, test } from '@jest/globals'
import { parseCommandLine } from './command-line.ts'
import { boolean, count, duration, label, line, optional, text } from './formats.ts'
import { helpText } from './help.ts'
import { unknownVariables } from './known-variables.ts'
import { defineSettings, readSettings, type Source } from './settings.ts'

const settings = defineSettings({
  listen: { doc: 'Where.', format: text, default: 'greet://server:1234', repeatable: true },
  idleTimeout: { doc: 'Silence.', format: duration, default: '20m', perEndpoint: true },
  maxConnections: { doc: 'How many.', format: count, default: '10', perEndpoint: true },
  fresh: { doc: 'New ones.', format: boolean, default: 'false' },
  greeting: { doc: 'In front.', format: line, default: '你好，', perEndpoint: true },
  name: { doc: 'Label.', format: optional(label), default: '', perEndpoint: 'only' },
})
const others = {
  sing: defineSettings({ pitch: { doc: 'Pitch.', format: count, default: '440' } }),
  dance: defineSettings({ pitch: { doc: 'Pitch.', format: count, default: '0' } }),
}

const read = (env: Source['env'] = {}, ...args: string[]) => readSettings(settings, env, parseCommandLine(args), others)

describe('the value of a setting', () => {
  const defaults = {
    listen: 'greet://server:1234',
    idleTimeout: 1_200_000,
    maxConnections: 10,
    fresh: false,
    greeting: '你好，',
    name: null,
  }

  test('is its default without variable and flag', () => {
    expect(read()).toMatchObject({ values: defaults, words: [], problems: [] })
  })

  test('comes from the flag rather than from the variable', () => {
    const reading = read({ NIHAO_IDLE_TIMEOUT: '1s', NIHAO_MAX_CONNECTIONS: '1', NIHAO_FRESH: 'true' }, '--max-connections', '2')
    expect(reading.values).toEqual({ ...defaults, idleTimeout: 1_000, maxConnections: 2, fresh: true })
    expect(reading.problems).toEqual([])
  })

  test('can be empty', () => {
    expect(read({ NIHAO_GREETING: '' }).values.greeting).toBe('')
  })

  test('that is per endpoint only has neither variable nor flag', () => {
    expect(read({ NIHAO_NAME: 'a' })).toMatchObject({ values: { name: null }, problems: [] })
    expect(read({}, '--name', 'a').problems).toEqual(['unknown flag --name: see --help'])
  })

  test('is frozen with all others', () => {
    expect(Object.isFrozen(read().values)).toBe(true)
  })
})

describe('flags', () => {
  test('accept a space or an equals sign; other arguments are words', () => {
    const { values, words } = read({}, 'check', '--idle-timeout=5s', 'echo://a:1', '--fresh', 'true', 'echo://b:2')
    expect(values).toMatchObject({ idleTimeout: 5_000, fresh: true })
    expect(words).toEqual(['check', 'echo://a:1', 'echo://b:2'])
  })

  test('that can be repeated are joined', () => {
    expect(read({}, '--listen', 'a', '--listen=b').values.listen).toBe('a b')
  })

  test.each([
    [['--idel-timeout', '5s'], 'unknown flag --idel-timeout: see --help'],
    [['--idel-timeout'], 'unknown flag --idel-timeout: see --help'],
    [['-x'], 'unknown flag -x: see --help'],
    [['--idle-timeout'], '--idle-timeout requires a value: see --help'],
    [['--idle-timeout', '--fresh', 'true'], '--idle-timeout requires a value: see --help'],
    [['--idle-timeout', '1s', '--idle-timeout=2s'], '--idle-timeout is given more than once'],
    [['--idle-timeout', '1s', '--idle-timeout=1s'], '--idle-timeout is given more than once'],
    [['--pitch', '1'], '--pitch is a setting of sing and dance only'],
  ])('%j: %s', (args, problem) => {
    expect(read({}, ...args).problems).toEqual([problem])
  })
})

describe('problems', () => {
  test.each([
    ['NIHAO_IDLE_TIMEOUT', '5', 'invalid duration "5": must be an integer with the unit ms, s or m, such as 0s, 250ms'],
    ['NIHAO_MAX_CONNECTIONS', '8080abc', 'invalid count "8080abc": must be an integer from 0 to 1000000000'],
    ['NIHAO_FRESH', '0', 'invalid boolean "0": must be true or false'],
    ['NIHAO_FRESH', '', 'invalid boolean "": must be true or false'],
    ['NIHAO_GREETING', 'a\nb', 'invalid line "a\\nb": must be text of at most 1KiB without line breaks (LF, CR)'],
    ['NIHAO_GREETING', 'x'.repeat(1_025), `invalid line "${'x'.repeat(100)}…": must be text of at most 1KiB`],
  ])('%s=%j: the setting, the value, and what is valid', (name, value, problem) => {
    const { problems, values } = read({ [name]: value })
    expect(problems).toEqual([expect.stringContaining(`${name}: ${problem}`)])
    expect(values).toEqual(read().values)
  })

  test('of variables and flags are found all at once, each named as it was given', () => {
    const { problems } = read({ NIHAO_FRESH: 'yes', NIHAO_IDLE_TIMEOUT: '5' }, '--max-connections', 'x', '--idel-timeout=5s')
    const named = ['NIHAO_FRESH: ', 'NIHAO_IDLE_TIMEOUT: ', '--max-connections: ', 'unknown flag --idel-timeout']
    expect(problems).toHaveLength(named.length)
    for (const name of named) expect(problems).toContainEqual(expect.stringContaining(name))
  })

  test('do not include the variables of other commands', () => {
    expect(read({ NIHAO_PITCH: 'high' }).problems).toEqual([])
  })
})

test('a misspelt variable is unknown; those of both programs and of other software are not', () => {
  const env = { NIHAO_IDEL_TIMEOUT: '5s', NIHAO_IDLE_TIMEOUT: '5s', NIHAO_RATE: '5', PATH: '/bin' }
  expect(unknownVariables(env)).toEqual(['NIHAO_IDEL_TIMEOUT'])
})

test('the help text has the names, meaning, format and default of every setting, and explains each format once', () => {
  const help = helpText('Usage: nihao', { First: settings, Second: others.sing })
  expect(help).toMatch(/^Usage: nihao\n/)
  expect(help).toContain(
    'First:\n\n  --listen  NIHAO_LISTEN\n      Where.\n      text; default: greet://server:1234; may be repeated\n  --idle-timeout  NIHAO_IDLE_TIMEOUT  ?idle-timeout=\n      Silence.\n      duration; default: 20m\n',
  )
  expect(help).toContain('\n  ?name=\n      Label.\n      label; default: empty\n')
  expect(help).toContain('Second:\n\n  --pitch  NIHAO_PITCH\n')
  expect(help.match(/^ {2}count: /gm)).toHaveLength(1)
  expect(help).toContain('\n  label: 1 to 64 letters, digits, dots, hyphens or underscores\n')
})
