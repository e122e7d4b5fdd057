import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { RunningClient, startClient } from './support/client.ts'
import { freePort } from './support/scripted-server.ts'
import { Service, type StartOptions } from './support/service.ts'

const target = 'echo://127.0.0.1:7007'

/** How a client ends that can't start. */
async function failure(options: StartOptions) {
  await using client = new RunningClient(target, options)
  const { code, stderr } = await client.exit()
  return { code, mistakes: stderr.trimEnd().split('\n'), lines: client.logged() }
}

describe('wrong settings end the start with exit code 2 and say what would be right', () => {
  const wrong: [name: string, options: StartOptions, ...said: string[][]][] = [
    ['a duration', { env: { NIHAO_INTERVAL: '1' } }, ['NIHAO_INTERVAL', '"1"', '250ms, 5s or 2m']],
    ['a flag', { args: ['--intervall', '1s'] }, ['--intervall', '--help']],
    ['a target', { args: ['localhost:7007'] }, ['NIHAO_TARGETS', 'localhost:7007', 'protocol://host:port']],
    ['an option', { args: [`${target}?retries=3`] }, [target, '"retries"', 'expected message, greeting']],
    ['port 0', { args: ['echo://127.0.0.1:0'] }, ['echo://127.0.0.1:0', 'port 0']],
    [
      'several, all at once',
      { env: { NIHAO_BACKOFF: 'soon' }, args: ['sing', '--fresh', 'no', 'echo://a?connections=0', 'hello://b'] },
      ['NIHAO_BACKOFF', '"soon"'],
      ['NIHAO_MODE', '"sing"'],
      ['NIHAO_FRESH', '"no"'],
      ['hello://b', '"hello"', 'greet, echo, discard'],
    ],
  ]

  test.each(wrong)('%s', async (_, options, ...said) => {
    const { code, mistakes, lines } = await failure(options)
    expect({ code, lines }).toEqual({ code: 2, lines: [] })
    for (const words of said) {
      const fits = (mistake: string) => mistake.startsWith('nihao-client: ') && words.every(word => mistake.includes(word))
      expect([words, mistakes.filter(fits).length]).toEqual([words, 1])
    }
    expect(mistakes).toHaveLength(said.length)
  })

  test('but a variable that is no setting is a warning', async () => {
    await using client = await startClient(`echo://127.0.0.1:${await freePort()}`, { env: { NIHAO_TARGTES: target } })
    expect(client.logged({ level: 'warn', msg: 'these variables are no settings of this service' })).toEqual([
      expect.objectContaining({ variables: ['NIHAO_TARGTES'] }),
    ])
  })
})

describe('the command line', () => {
  test('--help names every setting, by flag and by variable, and ends with 0', async () => {
    await using client = new RunningClient(target, { args: ['--help'] })
    expect(await client.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    const help = client.lines.join('\n')
    expect(help).toContain('Usage: nihao-client [probe|load|check|idle]')
    const names = 'mode targets message greeting interval timeout connections fresh backoff backoff-max summary-interval'
    for (const name of `${names} admin-host admin-port log-level`.split(' ')) {
      expect(help).toContain(`\n  --${name}  (NIHAO_${name.replaceAll('-', '_').toUpperCase()})\n`)
    }
  })

  test('--version says that of the package', async () => {
    await using client = new RunningClient(target, { args: ['--version'] })
    expect(await client.exit()).toEqual({ code: 0, signal: null, stderr: '' })
    const { version } = JSON.parse(readFileSync('services/client/package.json', 'utf8'))
    expect(client.lines).toEqual([version])
  })
})

describe('an admin port that is taken', () => {
  const occupant = createServer()
  let port = 0
  beforeAll(async () => {
    port = await freePort()
    await new Promise<void>(resolve => occupant.listen(port, '127.0.0.1', resolve))
  })
  afterAll(() => {
    occupant.close()
  })

  test('is one clear line and exit code 1', async () => {
    const { code, lines, mistakes } = await failure({ env: { NIHAO_ADMIN_PORT: String(port) } })
    const msg = `can't listen on the admin address 127.0.0.1:${port}: address already in use (EADDRINUSE)`
    expect({ code, mistakes }).toEqual({ code: 1, mistakes: [''] })
    expect(lines).toEqual([expect.objectContaining({ level: 'fatal', msg, error: { code: 'EADDRINUSE', message: msg } })])
  })

  test('by something that is no client is not healthy', async () => {
    await using check = new Service('services/client/src/healthcheck.ts', { env: { NIHAO_ADMIN_PORT: String(await freePort()) } })
    expect(await check.exit()).toEqual({ code: 1, signal: null, stderr: '' })
  })
})
