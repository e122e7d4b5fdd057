import { describe, expect, test } from '@jest/globals'
import { ConfigError } from '@nihao/service'
import { endpointUrl } from '@nihao/wire'
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

/** The URLs of the targets that are read. */
const targets = (env: Record<string, string>, ...args: string[]) =>
  readConfig({ env, args }).targetConfigs.map(({ endpoint }) => endpointUrl(endpoint))

describe('what the client reads', () => {
  test('by default it probes greet and probe on this machine, once a second, and expects an answer in one', () => {
    const config = readConfig({ env: {}, args: [] })
    expect(config).toMatchObject({ mode: 'probe', message: '张三', greeting: '你好，', interval: 1_000, timeout: 1_000 })
    expect(config).toMatchObject({ connections: 1, fresh: false, summaryInterval: 10_000, adminPort: 9465 })
    expect(config.backoff).toBeLessThan(config.backoffMax)
    expect(targets({})).toEqual(['greet://localhost:1234', 'probe://localhost:7000'])
    expect(Object.isFrozen(config)).toBe(true)
  })

  test.each([
    ['a word', ['probe']],
    ['a flag', ['--mode', 'probe']],
    ['a flag in one', ['--mode=probe']],
    ['nothing', []],
  ])('the mode, as %s', (_, args) => {
    expect(readConfig({ env: {}, args }).mode).toBe('probe')
  })

  test('the mode, by the environment', () => {
    expect(mistakesIn({ NIHAO_MODE: 'sing' })).toEqual([expect.stringContaining('NIHAO_MODE: must be one of probe')])
    expect(readConfig({ env: { NIHAO_MODE: 'sing' }, args: ['probe'] }).mode).toBe('probe')
  })

  test.each([
    ['words', ['echo://a', 'greet://b:5'], ['echo://a:7007', 'greet://b:5']],
    ['words after the mode', ['probe', 'echo://a'], ['echo://a:7007']],
    ['words among flags', ['--interval', '5s', 'echo://a', '--fresh=true', 'echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['one word with a comma', ['echo://a,echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['the flag', ['--targets', 'echo://a echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['a Unix socket', ['greet+unix:///run/nihao.sock'], ['greet+unix:///run/nihao.sock']],
    ['an IPv6 address', ['echo://[::1]:7'], ['echo://[::1]:7']],
  ])('targets on the command line, as %s, come before the environment', (_, args, urls) => {
    expect(targets({ NIHAO_TARGETS: 'discard://elsewhere' }, ...args)).toEqual(urls)
  })

  test('an option of a URL holds for its target only', () => {
    const urls =
      'greet://a?greeting=hello%20&message=Bob&interval=250ms&timeout=2s echo://b?connections=0&fresh=true&backoff=5ms&backoff-max=1m'
    const [greet, echo] = readConfig({
      env: { NIHAO_TARGETS: urls, NIHAO_INTERVAL: '5s' },
      args: ['--connections=7'],
    }).targetConfigs
    expect(greet?.values).toMatchObject({ greeting: 'hello ', message: 'Bob', interval: 250, timeout: 2_000, connections: 7 })
    expect(echo?.values).toMatchObject({ connections: 0, fresh: true, backoff: 5, backoffMax: 60_000 })
    expect(echo?.values).toMatchObject({ greeting: '你好，', message: '张三', interval: 5_000, timeout: 1_000 })
  })

  test('a server without a greeting, and an empty message', () => {
    const [target] = readConfig({ env: {}, args: ['greet://a?greeting=&message='] }).targetConfigs
    expect(target?.values).toMatchObject({ greeting: '', message: '' })
  })
})

describe('what the client refuses', () => {
  test.each(['sing', 'probes'])('the mode %s, which it does not know', mode => {
    for (const mistakes of [mistakesIn({}, mode), mistakesIn({}, mode, 'echo://a'), mistakesIn({ NIHAO_MODE: mode })]) {
      expect(mistakes).toEqual([expect.stringContaining('NIHAO_MODE: must be one of probe')])
      expect(mistakes[0]).toContain(`"${mode}"`)
    }
  })

  test.each([
    ['port 0', 'echo://a:0', 'echo://a:0: port 0 is no port to connect to'],
    ['nothing to do', 'echo://a?connections=0', 'echo://a:7007: nothing to do: connections is 0 and fresh is false'],
    ['a target given twice', 'echo://a echo://b echo://a:7007', 'echo://a:7007: given twice'],
    ['a target given twice with other options', 'greet://a greet://a?fresh=true', 'greet://a:1234: given twice'],
  ])('%s', (_, urls, mistake) => {
    expect(mistakesIn({ NIHAO_TARGETS: urls })).toEqual([`NIHAO_TARGETS: ${mistake}`])
    expect(mistakesIn({}, ...urls.split(' '))).toEqual([`NIHAO_TARGETS: ${mistake}`])
  })

  test('but no connections with fresh ones are something to do', () => {
    expect(mistakesIn({ NIHAO_CONNECTIONS: '0', NIHAO_FRESH: 'true' })).toEqual([])
    expect(mistakesIn({ NIHAO_CONNECTIONS: '0' })).toHaveLength(2) // one for each default target
  })

  test.each(['admin-port=1', 'targets=x', 'summary-interval=1s', 'log-level=info', 'mode=probe'])(
    '?%s, which is not for one target',
    option => {
      const [mistake, ...more] = mistakesIn({ NIHAO_TARGETS: `greet://a?${option}` })
      expect(more).toEqual([])
      expect(mistake).toContain('greet://a:1234: unknown option')
      for (const valid of ['message', 'interval', 'connections', 'ca'])
        expect(mistake).toMatch(new RegExp(`expected .*\\b${valid}\\b`))
    },
  )

  test('all mistakes of environment, flags, URLs, their options and their meaning at once', () => {
    const mistakes = mistakesIn(
      {
        NIHAO_TARGETS: 'echo://a:0 echo://b?connections=0 echo://c echo://c greet://d?interval=0s echo://e?fresh=1',
        NIHAO_TIMEOUT: '5',
        NIHAO_ADMIN_PORT: '8080abc',
      },
      'sing',
      '--summary-interval',
      'never',
    )
    const named = [
      'port 0',
      'nothing to do',
      'given twice',
      'option "interval" must be a duration from 1ms',
      'option "fresh" must be true or false',
      'NIHAO_TIMEOUT',
      'NIHAO_ADMIN_PORT',
      'NIHAO_MODE',
      'NIHAO_SUMMARY_INTERVAL',
    ]
    for (const name of named) expect(mistakes).toContainEqual(expect.stringContaining(name))
    expect(mistakes).toHaveLength(named.length)
  })
})
