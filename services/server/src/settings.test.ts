import { describe, expect, test } from '@jest/globals'
import { ConfigError } from '@nihao/service'
import { readConfig } from './settings.ts'

function problemsIn(env: Record<string, string>, ...args: string[]): readonly string[] {
  try {
    readConfig({ env, args })
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the configuration', () => {
  test('has listeners for greet and probe by default', () => {
    const { listeners } = readConfig({ env: {}, args: [] })
    expect(listeners.map(({ endpoint: { protocol, address } }) => ({ protocol, address }))).toEqual([
      { protocol: 'greet', address: { host: '', port: 1234 } },
      { protocol: 'probe', address: { host: '', port: 7000 } },
    ])
  })

  test('has the options of a URL for its listener only', () => {
    const listen = 'greet://0.0.0.0:1?max-connections=2&greeting=hello%20 echo://0.0.0.0:2?idle-timeout=1s'
    const { listeners } = readConfig({ env: { NIHAO_LISTEN: listen, NIHAO_MAX_CONNECTIONS: '7' }, args: [] })
    expect(listeners.map(({ values }) => values)).toEqual([
      expect.objectContaining({ maxConnections: 2, greeting: 'hello ', idleTimeout: 1_200_000 }),
      expect.objectContaining({ maxConnections: 7, greeting: '你好，', idleTimeout: 1_000 }),
    ])
  })

  test.each([
    ['words', ['echo://127.0.0.1:0', 'discard://127.0.0.1:0'], ['echo', 'discard']],
    ['the flag', ['--listen', 'echo://127.0.0.1:0'], ['echo']],
    ['the flag, twice', ['--listen', 'echo://127.0.0.1:0', '--listen', 'discard://127.0.0.1:0'], ['echo', 'discard']],
    ['the flag and a word', ['--listen', 'echo://127.0.0.1:0', 'discard://127.0.0.1:0'], ['echo', 'discard']],
  ])('has the listeners of the command line, as %s, rather than those of the environment', (_, args, protocols) => {
    const { listeners } = readConfig({ env: { NIHAO_LISTEN: 'greet://0.0.0.0:1' }, args })
    expect(listeners.map(({ endpoint }) => endpoint.protocol)).toEqual(protocols)
  })
})

describe('problems', () => {
  test.each([
    ['an option', {}, '?reuse-port=true'],
    ['a setting', { NIHAO_REUSE_PORT: 'true' }, ''],
  ])('of a Unix socket with reuse-port as %s', (_, env, option) => {
    expect(problemsIn(env, `greet+unix:///run/nihao.sock${option}`)).toEqual([
      'greet+unix:///run/nihao.sock: reuse-port requires TCP: a Unix socket can have only one server',
    ])
  })

  test('of settings, URLs and the options of other URLs are found all at once', () => {
    const problems = problemsIn({
      NIHAO_LISTEN: 'hello://h:1 greet://h:1?idle-timeout=5 echo://h:2?max-conections=5',
      NIHAO_ADMIN_PORT: '8080abc',
      NIHAO_LOG_LEVEL: 'loud',
    })
    const named = [
      'unknown protocol "hello"',
      'option "idle-timeout"',
      'option "max-conections"',
      'NIHAO_ADMIN_PORT',
      'NIHAO_LOG_LEVEL',
    ]
    for (const name of named) expect(problems).toContainEqual(expect.stringContaining(name))
    expect(problems).toHaveLength(named.length)
  })

  test.each(['admin-port=1', 'listen=x', 'drain-delay=1s', 'log-level=info'])(
    '?%s, which is not a setting of one listener',
    option => {
      const problems = problemsIn({ NIHAO_LISTEN: `greet://h:1?${option}` })
      expect(problems).toEqual([expect.stringContaining('NIHAO_LISTEN: greet://h:1: unknown option')])
      expect(problems[0]).toContain('expected greeting, max-connections')
    },
  )

  test('of a URL name the variable', () => {
    expect(problemsIn({ NIHAO_LISTEN: 'echo://h:99999' })).toEqual([
      'NIHAO_LISTEN: echo://h:99999: invalid port "99999": must be an integer from 0 to 65535',
    ])
  })

  test.each([
    ['NIHAO_KEEP_ALIVE', '1500ms', 'invalid whole-second duration "1500ms": must be a duration in whole seconds'],
    ['NIHAO_GREETING', 'a\nb', 'invalid line "a\\nb": must be text of at most 1KiB without line breaks'],
    ['NIHAO_GREETING', '你'.repeat(342), `invalid line "${'你'.repeat(100)}…": must be text of at most 1KiB`],
    ['NIHAO_BANNER', 'true', 'invalid value "true": must be none or address'],
  ])('%s=%j', (name, value, problem) => {
    expect(problemsIn({ [name]: value })).toEqual([expect.stringContaining(`${name}: ${problem}`)])
  })

  test('do not include the variables of the client', () => {
    expect(problemsIn({ NIHAO_RATE: 'fast', NIHAO_MODE: 'sing', NIHAO_TARGETS: '-' })).toEqual([])
  })

  test.each(['--rate', '--targets'])('the flag %s of the client', flag => {
    expect(problemsIn({}, flag, '5')).toEqual([`unknown flag ${flag}: see --help`])
  })
})
