import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { RunningClient, startClient } from './support/client.ts'
import { freePort } from './support/scripted-server.ts'
import { Service, type StartOptions } from './support/service.ts'

const target = 'echo://127.0.0.1:7007'

/** The exit of a client that can't start. */
async function failure(options: StartOptions) {
  await using client = new RunningClient(target, options)
  const { code, stderr } = await client.exit()
  return { code, problems: stderr.trimEnd().split('\n'), lines: client.logged() }
}

describe('invalid settings fail startup with exit code 2 and an error that says what is valid', () => {
  const wrong: [name: string, options: StartOptions, ...said: string[][]][] = [
    ['a duration', { env: { NIHAO_INTERVAL: '1' } }, ['NIHAO_INTERVAL', '"1"', '250ms, 5s or 2m']],
    ['a flag', { args: ['--intervall', '1s'] }, ['--intervall', '--help']],
    ['a target', { args: ['localhost:7007'] }, ['localhost:7007', 'protocol://host:port']],
    ['an option', { args: [`${target}?retries=3`] }, [target, '"retries"', 'expected', 'message, greeting']],
    ['a message of two lines', { env: { NIHAO_MESSAGE: 'a\nb' } }, [target, '"a\\nb"', 'must not contain line breaks']],
    ['a flag of another mode', { args: ['--rate', '5'] }, ['--rate is a setting of load only']],
    ['a target given twice', { args: [target, `${target}?fresh=true`] }, [target, 'more than once', '?name=']],
    ['port 0', { args: ['echo://127.0.0.1:0'] }, ['echo://127.0.0.1:0', 'port 0']],
    [
      'several, all at once',
      { env: { NIHAO_INTERVAL: 'soon' }, args: ['sing', '--fresh', 'no', 'echo://a?connections=0', 'hello://b'] },
      ['NIHAO_INTERVAL', '"soon"'],
      ['unknown mode "sing"', 'probe, load, check or idle'],
      ['--fresh', '"no"'],
      ['hello://b', '"hello"', 'greet, echo, discard'],
    ],
  ]

  test.each(wrong)('%s', async (_, options, ...said) => {
    const { code, problems, lines } = await failure(options)
    expect({ code, lines }).toEqual({ code: 2, lines: [] })
    for (const words of said) {
      const fits = (problem: string) => problem.startsWith('nihao-client: ') && words.every(word => problem.includes(word))
      expect([words, problems.filter(fits).length]).toEqual([words, 1])
    }
    expect(problems).toHaveLength(said.length)
  })

  test('but an unknown variable is only a warning, and one of another mode or of the server is not', async () => {
    await using client = await startClient(`echo://127.0.0.1:${await freePort()}`, {
      env: { NIHAO_TARGTES: target, NIHAO_DRAIN_DELAY: '1s', NIHAO_KEEP_ALIVE: '1500ms', NIHAO_BANNER: 'address' },
    })
    expect(client.logged({ level: 'warn', msg: 'ignoring unknown NIHAO_* variables' })).toEqual([
      expect.objectContaining({ variables: ['NIHAO_TARGTES'] }),
    ])
  })
})

describe('the command line', () => {
  test.each(['--help', '-h', 'help'])('probe %s lists its settings and exits with 0', async request => {
    await using client = new RunningClient(target, { args: ['probe', request] })
    expect(await client.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    const help = client.lines.join('\n')
    expect(help).toContain('Usage: nihao-client probe ')
    const names = 'mode targets message greeting interval timeout connections fresh resolve resolve-interval summary-interval'
    for (const name of `${names} admin-host admin-port log-level`.split(' ')) {
      expect(help).toContain(`\n  --${name}  NIHAO_${name.replaceAll('-', '_').toUpperCase()}`)
    }
  })

  test('--help lists the modes', async () => {
    await using client = new RunningClient(target, { args: ['--help'] })
    expect(await client.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    for (const mode of ['probe', 'load', 'check', 'idle'])
      expect(client.lines).toContainEqual(expect.stringMatching(`^  ${mode} `))
  })

  test.each(['--version', '-V', 'version'])('%s prints the version of the package', async request => {
    await using client = new RunningClient(target, { args: [request] })
    expect(await client.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    const { version } = JSON.parse(readFileSync('services/client/package.json', 'utf8'))
    expect(client.lines).toEqual([version])
  })
})

describe('an admin port in use', () => {
  const occupant = createServer()
  let port = 0
  beforeAll(async () => {
    port = await freePort()
    await new Promise<void>(resolve => occupant.listen(port, '127.0.0.1', resolve))
  })
  afterAll(() => {
    occupant.close()
  })

  test('is one clear error with exit code 1', async () => {
    const { code, lines, problems } = await failure({ env: { NIHAO_ADMIN_PORT: String(port) } })
    const msg = `can't listen on the admin address 127.0.0.1:${port}: address already in use (EADDRINUSE)`
    expect({ code, problems }).toEqual({ code: 1, problems: [''] })
    expect(lines).toEqual([expect.objectContaining({ level: 'fatal', msg, error: { code: 'EADDRINUSE', message: msg } })])
  })

  test('by another program is not healthy, and neither is one that nobody uses', async () => {
    for (const checked of [port, await freePort()]) {
      await using check = new Service('services/client/src/healthcheck.ts', { env: { NIHAO_ADMIN_PORT: String(checked) } })
      expect(await check.exit()).toEqual({ code: 1, signal: null, stderr: '' })
    }
  })
})
