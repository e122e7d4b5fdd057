import { describe, expect, test } from '@jest/globals'
import { ConfigError } from '@nihao/service'
import { endpointUrl } from '@nihao/wire'
import { help } from './help.ts'
import { type ModeName, modes, readConfig, readModeConfig } from './settings.ts'

function problemsIn(env: Record<string, string>, ...args: string[]): readonly string[] {
  try {
    readConfig({ env, args })
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

/** The URLs of the targets. */
const targets = (env: Record<string, string>, ...args: string[]) =>
  readConfig({ env, args }).targetConfigs.map(({ endpoint }) => endpointUrl(endpoint))

const labels = (...args: string[]) => readConfig({ env: {}, args }).targetConfigs.map(({ label }) => label)

describe('the configuration', () => {
  test('by default probes greet and probe on this machine once a second', () => {
    const config = readModeConfig(modes.probe, { env: {}, args: [] })
    expect(config).toMatchObject({ mode: 'probe', message: '张三', greeting: '你好，', interval: 1_000, timeout: 1_000 })
    expect(config).toMatchObject({ connections: 1, fresh: false, summaryInterval: 10_000, adminPort: 9465 })
    expect(targets({})).toEqual(['greet://localhost:1234', 'probe://localhost:7000'])
    expect(Object.isFrozen(config)).toBe(true)
  })

  const own: [ModeName, string[]][] = [
    ['probe', ['interval', 'fresh', 'resolve', 'summaryInterval', 'duration', 'maxOutage', 'maxP99', 'adminPort']],
    ['load', ['count', 'duration', 'rate', 'depth', 'size', 'histogram', 'maxP99']],
    ['check', ['only', 'skip', 'wait', 'checkTimeout', 'checkIdle']],
    ['idle', ['rungs', 'keepAlive', 'repeat', 'adminPort']],
  ]
  test.each(own)('of %s has its own settings only', (mode, names) => {
    const config = readConfig({ env: {}, args: [mode] })
    expect(config.mode).toBe(mode)
    for (const name of names) expect(config).toHaveProperty(name)
    const others = own.filter(([other]) => other !== mode).flatMap(([, names]) => names)
    for (const name of others.filter(name => !names.includes(name))) expect(config).not.toHaveProperty(name)
  })

  test.each([
    ['a word', ['load'], {}],
    ['a word after flags', ['--timeout', '1s', 'load'], {}],
    ['a flag', ['--mode', 'load'], {}],
    ['a flag with an equals sign', ['--mode=load'], {}],
    ['a variable', [], { NIHAO_MODE: 'load' }],
    ['a word rather than a variable', ['load'], { NIHAO_MODE: 'check' }],
  ])('has the mode from %s', (_, args, env) => {
    expect(readConfig({ env, args }).mode).toBe('load')
  })

  test.each([
    ['words', ['echo://a', 'greet://b:5'], ['echo://a:7007', 'greet://b:5']],
    ['words after the mode', ['probe', 'echo://a'], ['echo://a:7007']],
    ['words among flags', ['--interval', '5s', 'echo://a', '--fresh=true', 'echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['one word with a comma', ['echo://a,echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['the flag', ['--targets', 'echo://a echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['the flag, twice', ['--targets', 'echo://a', '--targets', 'echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['the flag and a word', ['--targets', 'echo://a', 'echo://b'], ['echo://a:7007', 'echo://b:7007']],
    ['a Unix socket', ['greet+unix:///run/nihao.sock'], ['greet+unix:///run/nihao.sock']],
    ['an IPv6 address', ['echo://[::1]:7'], ['echo://[::1]:7']],
  ])('has the targets of the command line, as %s, rather than those of the environment', (_, args, urls) => {
    expect(targets({ NIHAO_TARGETS: 'discard://elsewhere' }, ...args)).toEqual(urls)
  })

  test('has the options of a URL for its target only', () => {
    const urls =
      'greet://a?greeting=hello%20&message=Bob&interval=250ms&timeout=2s echo://b?connections=0&fresh=true&resolve=all&resolve-interval=1m'
    const [greet, echo] = readConfig({
      env: { NIHAO_TARGETS: urls, NIHAO_INTERVAL: '5s' },
      args: ['--connections=7'],
    }).targetConfigs
    expect(greet?.values).toMatchObject({ greeting: 'hello ', message: 'Bob', interval: 250, timeout: 2_000, connections: 7 })
    expect(echo?.values).toMatchObject({ connections: 0, fresh: true, resolve: 'all', resolveInterval: 60_000 })
    expect(echo?.values).toMatchObject({ greeting: '你好，', message: '张三', interval: 5_000, timeout: 1_000 })
  })

  test('can have an empty greeting and an empty message', () => {
    const [target] = readConfig({ env: {}, args: ['greet://a?greeting=&message='] }).targetConfigs
    expect(target?.values).toMatchObject({ greeting: '', message: '' })
  })

  test('has the banner as the server writes it', () => {
    const banners = readConfig({ env: { NIHAO_BANNER: 'address' }, args: ['greet://a', 'greet://b?banner=none'] })
    expect(banners.targetConfigs.map(({ values }) => values.banner)).toEqual([true, false])
  })
})

describe('the label of a target', () => {
  test('is its URL without options, or its name', () => {
    expect(labels('greet://a?timeout=5s', 'greet://b?name=far')).toEqual(['greet://a:1234', 'far'])
  })

  test('has the family, if a target uses both: it is two', () => {
    expect(labels('probe://a?family=both', 'probe://b?family=both&name=b', 'probe://c?family=6')).toEqual([
      'probe://a:7000?family=4',
      'probe://a:7000?family=6',
      'b-ipv4',
      'b-ipv6',
      'probe://c:7000',
    ])
  })

  test('lets a target be given more than once', () => {
    expect(labels('echo://a', 'echo://a?send-proxy=v1&name=with-proxy')).toEqual(['echo://a:7007', 'with-proxy'])
  })

  test.each([
    [
      ['echo://a', 'echo://b', 'echo://a:7007'],
      'echo://a:7007: given more than once: set a unique name for each, as in ?name=other',
    ],
    [
      ['greet://a', 'greet://a?fresh=true'],
      'greet://a:1234: given more than once: set a unique name for each, as in ?name=other',
    ],
    [
      ['echo://a?family=both', 'echo://a?family=both&interval=1s'],
      'echo://a:7007: given more than once: set a unique name for each, as in ?name=other',
    ],
    [['echo://a?name=a-ipv4', 'echo://b?name=a&family=both'], 'echo://b:7007: name "a-ipv4" is given more than once'],
    [['echo://a?name=x', 'echo://b?name=x'], 'echo://b:7007: name "x" is given more than once'],
  ])('is unique: %j', (args, problem) => {
    expect(problemsIn({}, ...args)).toEqual([problem])
    expect(problemsIn({ NIHAO_TARGETS: args.join(' ') })).toEqual([`NIHAO_TARGETS: ${problem}`])
  })
})

describe('problems', () => {
  const valid = 'must be probe, load, check or idle'
  test.each([
    [{}, ['sing'], `unknown mode "sing": ${valid}`],
    [{}, ['probes', 'echo://a'], `unknown mode "probes": ${valid}`],
    [{}, ['--mode', 'sing'], `--mode: invalid value "sing": ${valid}`],
    [{ NIHAO_MODE: 'sing' }, [], `NIHAO_MODE: invalid value "sing": ${valid}`],
    [{}, ['load', '--mode', 'check'], '--mode is given more than once'],
    [{}, ['--rate', '5'], '--rate is a setting of load only'],
    [{}, ['check', '--duration', '1s'], '--duration is a setting of probe and load only'],
    [{ NIHAO_MAX_LOST: '0' }, ['probe'], 'NIHAO_MAX_LOST requires NIHAO_DURATION'],
    [{}, ['load', '--admin-port', '0'], '--admin-port is a setting of probe and idle only'],
    [{}, ['check', 'echo://a?rate=5'], 'echo://a:7007: option "rate" is a setting of load only'],
    [{}, ['load', '--report', 'junit'], '--report: invalid value "junit": must be text or json'],
    [{}, ['load', '--connections', '0'], '--connections: invalid value "0": must be an integer from 1 to 1000000'],
    [{}, ['load', 'probe://a?size=2MiB'], 'probe://a:7000: size is larger than max-message'],
    [{}, ['check', '--only', 'large', '--skip', 'large'], 'NIHAO_ONLY, NIHAO_SKIP: no check left to run'],
    [{}, ['idle', 'discard://a'], 'discard://a:7009: discard does not reply: the idle test requires greet, echo or probe'],
    [{}, ['echo://a:0'], 'echo://a:0: invalid port 0: must be an integer from 1 to 65535'],
    [{}, ['echo://:7'], 'echo://:7: missing host: required for a target'],
    [{}, ['echo://a?connections=0'], 'echo://a:7007: nothing to do: connections is 0 and fresh is false'],
    [{}, ['echo://a?cert=/no/c'], 'echo://a:7007: option "cert" requires TLS: use echo+tls://'],
  ])('%j %j: %s', (env, args, problem) => {
    expect(problemsIn(env, ...args)).toEqual([problem])
  })

  test.each(['\n', '\r', '\r\n'])('a line break %j in the message of a text protocol', lineBreak => {
    const message = `a${lineBreak}b`
    const problem = `invalid message ${JSON.stringify(message)}: must not contain line breaks, except on probe`
    for (const protocol of ['greet', 'echo', 'discard']) {
      expect(problemsIn({ NIHAO_MESSAGE: message }, `${protocol}://a:1`)).toEqual([`${protocol}://a:1: ${problem}`])
    }
    expect(problemsIn({}, `greet://a:1?message=${encodeURIComponent(message)}`)).toEqual([`greet://a:1: ${problem}`])
    expect(problemsIn({ NIHAO_MESSAGE: message }, 'probe://a:1')).toEqual([])
  })

  test('a greeting with a line break, or longer than 1 KiB', () => {
    const valid = 'must be text of at most 1KiB without line breaks (LF, CR)'
    expect(problemsIn({}, 'greet://a?greeting=a%0Ab')).toEqual([
      `greet://a:1234: option "greeting": invalid line "a\\nb": ${valid}`,
    ])
    expect(problemsIn({ NIHAO_GREETING: 'x'.repeat(1_025) })).toEqual([expect.stringContaining(valid)])
  })

  test('do not include variables of other modes', () => {
    const env = { NIHAO_RATE: 'fast', NIHAO_CHECK_IDLE: '-', NIHAO_KEEP_ALIVE: '1500ms', NIHAO_TARGETS: 'echo://a?rate=fast' }
    expect(problemsIn(env)).toEqual([])
  })

  test('no connections, unless fresh is set', () => {
    expect(problemsIn({ NIHAO_CONNECTIONS: '0', NIHAO_FRESH: 'true' })).toEqual([])
    expect(problemsIn({ NIHAO_CONNECTIONS: '0' })).toHaveLength(2) // one for each default target
  })

  test.each(['admin-port=1', 'targets=x', 'summary-interval=1s', 'log-level=info', 'mode=probe'])(
    '?%s, which is not a setting of one target',
    option => {
      const [problem, ...more] = problemsIn({ NIHAO_TARGETS: `greet://a?${option}` })
      expect(more).toEqual([])
      expect(problem).toContain('NIHAO_TARGETS: greet://a:1234: unknown option')
      for (const valid of ['message', 'interval', 'connections', 'ca', 'name'])
        expect(problem).toMatch(new RegExp(`expected .*\\b${valid}\\b`))
    },
  )

  test('of environment, flags, URLs and options are found all at once', () => {
    const problems = problemsIn(
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
      'given more than once',
      'option "interval": invalid positive duration "0s"',
      'option "fresh": invalid boolean "1"',
      'NIHAO_TIMEOUT',
      'NIHAO_ADMIN_PORT',
      'unknown mode',
      '--summary-interval',
    ]
    for (const name of named) expect(problems).toContainEqual(expect.stringContaining(name))
    expect(problems).toHaveLength(named.length)
  })
})

describe('--help', () => {
  test('lists the modes and the settings of all of them', () => {
    const text = help(['--help'])
    expect(text).toContain('Usage: nihao-client [mode] [setting ...] [target ...]')
    for (const mode of Object.keys(modes)) expect(text).toMatch(new RegExp(`^ {2}${mode} +\\w`, 'm'))
    expect(text).toContain('  --targets  NIHAO_TARGETS')
    for (const flag of ['--rate', '--interval', '--only', '--rungs']) expect(text).not.toContain(flag)
  })

  test.each([
    ['probe', '--interval', '--rate'],
    ['load', '--rate', '--interval'],
    ['check', '--only', '--rate'],
    ['idle', '--rungs', '--rate'],
  ])('of %s lists %s, not %s', (mode, own, other) => {
    for (const args of [
      [mode, '--help'],
      ['help', mode],
      ['--mode', mode, '-h'],
    ]) {
      const text = help(args)
      expect(text).toContain(`Usage: nihao-client ${mode} [setting ...] [target ...]`)
      expect(text).toMatch(
        new RegExp(`Settings of ${mode}:[\\s\\S]*^ {2}${own} [\\s\\S]*Settings of every mode:[\\s\\S]*^ {2}--targets `, 'm'),
      )
      expect(text).not.toContain(`${other} `)
    }
  })
})
