import { describe, expect, test } from '@jest/globals'
import { boolean, count, duration, nonEmptyText, text } from './formats.ts'
import { helpText, type Reading, readEndpoints, readSettings, type Setting, type Source, unknownVariables } from './settings.ts'

const settings = {
  listen: { doc: 'Where.', format: text, default: 'greet://server:1234' } as Setting<string>,
  idleTimeout: { doc: 'Silence.', format: duration, default: '20m', perEndpoint: true } as Setting<number>,
  maxConnections: { doc: 'How many.', format: count, default: '10', perEndpoint: true } as Setting<number>,
  fresh: { doc: 'New ones.', format: boolean, default: 'false' } as Setting<boolean>,
  greeting: { doc: 'In front.', format: nonEmptyText, default: '你好，', perEndpoint: true } as Setting<string>,
}

const read = (env: Source['env'] = {}, ...args: string[]) => readSettings(settings, { env, args })
const url = 'greet://server:1234'

/** The values for one endpoint whose URL has these options. */
function withOptions(reading: Reading<typeof settings>, options: Record<string, string>) {
  const parse = (text: string) => [{ url: text, options: new Map(Object.entries(options)) }]
  return readEndpoints(settings, reading, 'listen', parse, endpoint => endpoint.url)[0]?.values
}

describe('where a value comes from', () => {
  test('the default, when nothing else says so', () => {
    expect(read()).toEqual({
      values: { listen: url, idleTimeout: 1_200_000, maxConnections: 10, fresh: false, greeting: '你好，' },
      words: [],
      mistakes: [],
    })
  })

  test('the environment over the default, a flag over the environment, a URL over both', () => {
    const reading = read({ NIHAO_IDLE_TIMEOUT: '1s', NIHAO_MAX_CONNECTIONS: '1', NIHAO_FRESH: 'true' }, '--max-connections', '2')
    expect(reading.values).toMatchObject({ idleTimeout: 1_000, maxConnections: 2, fresh: true, greeting: '你好，' })
    expect(withOptions(reading, { 'max-connections': '3', greeting: 'hello ' })).toEqual({
      ...reading.values,
      maxConnections: 3,
      greeting: 'hello ',
    })
    expect(reading.values.maxConnections).toBe(2)
    expect(reading.mistakes).toEqual([])
  })

  test('flags are written with a blank or an equals sign; the other words are handed on', () => {
    const { values, words } = read({}, 'check', '--idle-timeout=5s', 'echo://a:1', '--fresh', 'true', 'echo://b:2')
    expect(values).toMatchObject({ idleTimeout: 5_000, fresh: true })
    expect(words).toEqual(['check', 'echo://a:1', 'echo://b:2'])
  })

  test('values are frozen', () => {
    const reading = read()
    expect(Object.isFrozen(reading.values)).toBe(true)
    expect(Object.isFrozen(withOptions(reading, {}))).toBe(true)
  })
})

describe('mistakes', () => {
  test.each([
    ['NIHAO_IDLE_TIMEOUT', '5', 'must be a duration such as'],
    ['NIHAO_MAX_CONNECTIONS', '8080abc', 'must be a whole number from 0 to 1000000000'],
    ['NIHAO_MAX_CONNECTIONS', '1e9', 'must be a whole number from 0 to 1000000000'],
    ['NIHAO_FRESH', '0', 'must be true or false'],
  ])('%s=%s: the setting, the value, and what is valid', (name, value, valid) => {
    const { mistakes, values } = read({ [name]: value })
    expect(mistakes).toEqual([expect.stringContaining(`${name}: ${valid}`)])
    expect(mistakes[0]).toContain(`value was "${value}"`)
    expect(values).toEqual(read().values)
  })

  test('a text that is empty is no less a mistake', () => {
    expect(read({ NIHAO_GREETING: '' }).mistakes).toEqual(['NIHAO_GREETING: must be a text that is not empty'])
  })

  test('of environment, flags and URL are told all at once', () => {
    const reading = read({ NIHAO_FRESH: 'yes', NIHAO_GREETING: '' }, '--idle-timeout', '5')
    withOptions(reading, { 'max-connections': '-1', fresh: 'true', 'idle-timeuot': '5s' })
    const named = [
      'NIHAO_FRESH: ',
      'NIHAO_GREETING: ',
      'NIHAO_IDLE_TIMEOUT: ',
      'option "max-connections"',
      '"fresh"',
      '"idle-timeuot"',
    ]
    expect(reading.mistakes).toHaveLength(named.length)
    for (const name of named) expect(reading.mistakes).toContainEqual(expect.stringContaining(name))
  })

  test.each([
    [{ 'idle-timeout': '5' }, 'option "idle-timeout" must be a duration such as', 'value was "5"'],
    [{ 'idle-timeuot': '5s' }, 'unknown option "idle-timeuot"', 'expected idle-timeout, max-connections, greeting'],
    [{ fresh: 'true' }, 'unknown option "fresh"', 'expected idle-timeout, max-connections, greeting'],
  ])('in a URL %j: the URL, the option, and what is valid', (given, ...said) => {
    const reading = read()
    withOptions(reading, given)
    expect(reading.mistakes).toHaveLength(1)
    for (const words of [`${url}: `, ...said]) expect(reading.mistakes[0]).toContain(words)
  })

  test.each([
    [['--idel-timeout', '5s'], '--idel-timeout'],
    [['-x'], '-x'],
    [['--idle-timeout'], '--idle-timeout'],
  ])('%j is no flag, or lacks its value', (args, named) => {
    const { mistakes } = read({}, ...args)
    expect(mistakes).toEqual([expect.stringContaining(named)])
    expect(mistakes[0]).toContain('--help lists the flags')
  })

  test('an unknown flag hides neither another one nor a bad value', () => {
    const { mistakes } = read({}, '--idel-timeout=5s', '--max-connections=many', '--no-such-thing=1')
    for (const named of ['--idel-timeout', 'NIHAO_MAX_CONNECTIONS', '--no-such-thing']) {
      expect(mistakes).toContainEqual(expect.stringContaining(named))
    }
  })

  test('a variable that is no setting is found, one of another program is left alone', () => {
    expect(unknownVariables(settings, { NIHAO_IDEL_TIMEOUT: '5s', NIHAO_IDLE_TIMEOUT: '5s', PATH: '/bin' })).toEqual([
      'NIHAO_IDEL_TIMEOUT',
    ])
  })
})

test('mistakes in the endpoints themselves name the setting they came from', () => {
  const reading = read()
  const parse = () => {
    throw Object.assign(new Error('two'), { mistakes: ['first', 'second'] })
  }
  expect(readEndpoints(settings, reading, 'listen', parse, String)).toEqual([])
  expect(reading.mistakes).toEqual(['NIHAO_LISTEN: first', 'NIHAO_LISTEN: second'])
})

test('the help text names flag, variable, meaning, format and default of every setting', () => {
  const help = helpText('Usage: nihao', settings)
  for (const words of ['Usage: nihao', '--idle-timeout  (NIHAO_IDLE_TIMEOUT)', 'Silence.', 'a duration', 'default: 20m']) {
    expect(help).toContain(words)
  }
})
