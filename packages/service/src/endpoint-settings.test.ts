import { describe, expect, test } from '@jest/globals'
import { parseCommandLine } from './command-line.ts'
import { type EndpointKind, readEndpoints } from './endpoint-settings.ts'
import { boolean, count, duration, label, optional, text } from './formats.ts'
import { defineSettings, readSettings, type Source, type Values } from './settings.ts'

const settings = defineSettings({
  listen: { doc: 'Where.', format: text, default: 'a', repeatable: true },
  idleTimeout: { doc: 'Silence.', format: duration, default: '20m', perEndpoint: true },
  maxConnections: { doc: 'How many.', format: count, default: '10', perEndpoint: true },
  fresh: { doc: 'New ones.', format: boolean, default: 'false' },
  name: { doc: 'Label.', format: optional(label), default: '', perEndpoint: 'only' },
})
const others = {
  sing: defineSettings({
    pitch: { doc: 'Pitch.', format: count, default: '440', perEndpoint: true },
    volume: { doc: 'Volume.', format: count, default: '1' },
  }),
}

interface Endpoint {
  readonly host: string
  readonly options: ReadonlyMap<string, string>
}

/** `host?option=value&…`, separated by spaces; `bad` is a problem. */
const kind: EndpointKind<Values<typeof settings>, Endpoint> = {
  parse(text) {
    const urls = text.split(' ')
    const endpoints = urls
      .filter(url => url !== 'bad')
      .map(url => {
        const [host = '', options] = url.split('?')
        return { host, options: new Map(new URLSearchParams(options)) }
      })
    if (urls.includes('bad')) throw Object.assign(new Error('bad'), { problems: ['bad: not an endpoint'], endpoints })
    return endpoints
  },
  urlOf: ({ host }) => host,
  validate: ({ values }) => (values.maxConnections === 0 ? ['nothing to do'] : []),
}

function read(env: Source['env'], ...args: string[]) {
  const reading = readSettings(settings, env, parseCommandLine(args), others)
  const endpoints = readEndpoints(settings, reading, 'listen', kind)
  return { endpoints, hosts: endpoints.map(({ endpoint }) => endpoint.host), problems: reading.problems, values: reading.values }
}

describe('the endpoints', () => {
  test.each([
    ['the default', {}, [], ['a']],
    ['the variable', { NIHAO_LISTEN: 'b c' }, [], ['b', 'c']],
    ['the flag', { NIHAO_LISTEN: 'b' }, ['--listen', 'c'], ['c']],
    ['the flag, more than once', { NIHAO_LISTEN: 'b' }, ['--listen', 'c', '--listen', 'd'], ['c', 'd']],
    ['words', { NIHAO_LISTEN: 'b' }, ['c', 'd'], ['c', 'd']],
    ['the flag and words', { NIHAO_LISTEN: 'b' }, ['--listen', 'c', 'd'], ['c', 'd']],
  ])('come from %s', (_, env, args, hosts) => {
    expect(read(env, ...args)).toMatchObject({ hosts, problems: [] })
  })

  test('have the values of the process, overridden by the options of their URL', () => {
    const { endpoints, values } = read({ NIHAO_MAX_CONNECTIONS: '2' }, 'a?max-connections=3&name=first', 'b?idle-timeout=1s')
    expect(endpoints.map(({ values }) => values)).toEqual([
      { ...values, maxConnections: 3, name: 'first' },
      { ...values, maxConnections: 2, idleTimeout: 1_000 },
    ])
    expect(values).toMatchObject({ maxConnections: 2, name: null })
    for (const { values } of endpoints) expect(Object.isFrozen(values)).toBe(true)
  })
})

describe('problems', () => {
  test.each([
    ['idle-timeout=5', 'option "idle-timeout": invalid duration "5": must be an integer with the unit'],
    ['name=a b', 'option "name": invalid label "a b": must be 1 to 64 letters'],
    ['idle-timeuot=5s', 'unknown option "idle-timeuot": expected idle-timeout, max-connections, name'],
    ['fresh=true', 'unknown option "fresh": expected idle-timeout, max-connections, name'],
    ['pitch=1', 'option "pitch" is a setting of sing only'],
    ['volume=1', 'unknown option "volume": expected idle-timeout, max-connections, name'],
    ['max-connections=0', 'nothing to do'],
  ])('%s: %s', (option, problem) => {
    const encoded = option.replace(' ', '+')
    expect(read({}, `a?${encoded}`).problems).toEqual([expect.stringMatching(new RegExp(`^a: ${problem}`))])
    expect(read({}, '--listen', `a?${encoded}`).problems).toEqual([expect.stringMatching(new RegExp(`^--listen: a: ${problem}`))])
  })

  test('do not include the options of other commands in a variable, which all commands share', () => {
    expect(read({ NIHAO_LISTEN: 'a?pitch=1' })).toMatchObject({ hosts: ['a'], problems: [] })
  })

  test('of all endpoints and their options are found at once, and name the variable', () => {
    expect(read({ NIHAO_LISTEN: 'bad a?idle-timeout=5 b?fresh=true' }).problems).toEqual([
      'NIHAO_LISTEN: bad: not an endpoint',
      expect.stringContaining('NIHAO_LISTEN: a: option "idle-timeout"'),
      expect.stringContaining('NIHAO_LISTEN: b: unknown option "fresh"'),
    ])
  })
})
