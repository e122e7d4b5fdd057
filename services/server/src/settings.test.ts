import { describe, expect, test } from '@jest/globals'
import { ConfigError } from '@nihao/service'
import { readConfig } from './settings.ts'

function mistakesIn(env: Record<string, string>, ...args: string[]): readonly string[] {
  try {
    readConfig({ env, args })
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

describe('what the server reads', () => {
  test('by default it listens on greet and probe', () => {
    const { listeners } = readConfig({ env: {}, args: [] })
    expect(listeners.map(({ endpoint: { protocol, address } }) => ({ protocol, address }))).toEqual([
      { protocol: 'greet', address: { host: '0.0.0.0', port: 1234 } },
      { protocol: 'probe', address: { host: '0.0.0.0', port: 7000 } },
    ])
  })

  test('an option of a URL holds for its endpoint only', () => {
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
  ])('endpoints on the command line, as %s, come before the environment', (_, args, protocols) => {
    const { listeners } = readConfig({ env: { NIHAO_LISTEN: 'greet://0.0.0.0:1' }, args })
    expect(listeners.map(({ endpoint }) => endpoint.protocol)).toEqual(protocols)
  })
})

describe('what the server refuses', () => {
  test('mistakes in settings, in URLs and in the options of other URLs are told all at once', () => {
    const mistakes = mistakesIn({
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
    for (const name of named) expect(mistakes).toContainEqual(expect.stringContaining(name))
    expect(mistakes).toHaveLength(named.length)
  })

  test.each(['admin-port=1', 'listen=x', 'drain-delay=1s', 'log-level=info'])('?%s is not for one endpoint', option => {
    const mistakes = mistakesIn({ NIHAO_LISTEN: `greet://h:1?${option}` })
    expect(mistakes).toEqual([expect.stringContaining('greet://h:1: unknown option')])
    expect(mistakes[0]).toContain('expected greeting, max-connections')
  })

  test('a URL with a mistake names the setting it came from', () => {
    expect(mistakesIn({ NIHAO_LISTEN: 'echo://h:99999' })).toEqual([
      'NIHAO_LISTEN: echo://h:99999: invalid port "99999": must be an integer from 0 to 65535',
    ])
  })
})
