import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { freePort } from './support/scripted-server.ts'
import { RunningServer, startServer } from './support/server.ts'
import type { StartOptions } from './support/service.ts'

/** How a server ends that can't start. */
async function failure(listen: string, options?: StartOptions) {
  await using server = new RunningServer(listen, options)
  const { code, stderr } = await server.exit()
  return { code, stderr, lines: server.logged(), fatal: server.logged({ level: 'fatal' }) }
}

describe('an address in use', () => {
  const occupant = createServer()
  let taken: number
  let free: number
  beforeAll(async () => {
    await new Promise<void>(resolve => occupant.listen(0, '127.0.0.1', resolve))
    taken = (occupant.address() as AddressInfo).port
    free = await freePort()
  })
  afterAll(() => {
    occupant.close()
  })

  test('is one clear error with exit code 1, and the other listeners are closed', async () => {
    const url = `echo://127.0.0.1:${taken}`
    const { code, fatal, lines, stderr } = await failure(`greet://127.0.0.1:${free} ${url}`)
    expect(code).toBe(1)
    expect(stderr).toBe('')
    expect(fatal).toEqual([expect.objectContaining({ msg: `can't listen on ${url}: address already in use (EADDRINUSE)` })])
    expect(fatal[0]?.error).toEqual({ code: 'EADDRINUSE', message: fatal[0]?.msg })
    expect(lines.filter(({ msg }) => msg === 'listening')).toEqual([])
    await expect(Peer.connect(free)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('of the admin endpoint is one too', async () => {
    const { code, fatal } = await failure('greet://127.0.0.1:0', { env: { NIHAO_ADMIN_PORT: String(taken) } })
    expect(code).toBe(1)
    const msg = `can't listen on the admin address 127.0.0.1:${taken}: address already in use (EADDRINUSE)`
    expect(fatal).toEqual([expect.objectContaining({ msg })])
  })

  test('has a line for each of several listeners', async () => {
    const { code, fatal } = await failure(`greet://127.0.0.1:${taken} echo://192.0.2.1:7 echo://127.0.0.1:${free}`)
    expect(code).toBe(1)
    expect(fatal.map(({ msg }) => msg).sort()).toEqual([
      `can't listen on echo://192.0.2.1:7: not an address of this machine (EADDRNOTAVAIL)`,
      `can't listen on greet://127.0.0.1:${taken}: address already in use (EADDRINUSE)`,
    ])
  })
})

test('repeated --listen flags and words are combined', async () => {
  const args = ['--listen', 'greet://127.0.0.1:0', '--listen', 'echo://127.0.0.1:0', 'probe://127.0.0.1:0']
  await using server = await startServer('discard://127.0.0.1:0', { args })
  expect(server.listening.map(({ listener }) => String(listener).split(':')[0])).toEqual(['greet', 'echo', 'probe'])
})

describe('invalid settings fail startup with exit code 2 and an error that says what is valid', () => {
  const wrong: [name: string, options: StartOptions, ...said: string[][]][] = [
    [
      'a count',
      { env: { NIHAO_MAX_CONNECTIONS: '1e9' } },
      ['NIHAO_MAX_CONNECTIONS', '"1e9"', 'invalid count', 'an integer from 0'],
    ],
    ['a port', { env: { NIHAO_ADMIN_PORT: '8080abc' } }, ['NIHAO_ADMIN_PORT', '"8080abc"', 'from 0 to 65535']],
    ['a duration', { env: { NIHAO_IDLE_TIMEOUT: '5' } }, ['NIHAO_IDLE_TIMEOUT', '"5"', '250ms, 5s or 2m']],
    ['a size', { env: { NIHAO_MAX_BUFFERED: '64K' } }, ['NIHAO_MAX_BUFFERED', '"64K"', '512B, 64KiB or 1MiB']],
    [
      'a word',
      { env: { NIHAO_LOG_LEVEL: 'loud' } },
      ['NIHAO_LOG_LEVEL', '"loud"', 'trace, debug, info, warn, error, fatal or silent'],
    ],
    ['a greeting of two lines', { env: { NIHAO_GREETING: 'a\nb' } }, ['NIHAO_GREETING', '"a\\nb"', 'without line breaks']],
    ['a greeting of 2 KiB', { env: { NIHAO_GREETING: 'x'.repeat(2_048) } }, ['NIHAO_GREETING', 'at most 1KiB']],
    ['a flag', { args: ['--idel-timeout', '5s'] }, ['--idel-timeout', '--help']],
    ['a flag without its value', { args: ['--idle-timeout'] }, ['--idle-timeout requires a value', '--help']],
    [
      'a flag given twice',
      { args: ['--idle-timeout', '1s', '--idle-timeout', '2s'] },
      ['--idle-timeout is given more than once'],
    ],
    ['a protocol', { args: ['hello://127.0.0.1:0'] }, ['hello://127.0.0.1:0', '"hello"', 'greet, echo, discard']],
    [
      'TLS',
      { args: ['greet+tls://127.0.0.1:0'] },
      ['greet+tls://127.0.0.1:0', 'TLS requires cert (NIHAO_CERT) and key (NIHAO_KEY)'],
    ],
    ['an option', { args: ['greet://127.0.0.1:0?idel=5s'] }, ['greet://127.0.0.1:0', '"idel"', 'idle-timeout']],
    ['the value of an option', { args: ['greet://127.0.0.1:0?idle-timeout=soon'] }, ['idle-timeout', '"soon"', '250ms, 5s']],
    ['a path', { args: ['greet+unix:///run/%zz'] }, ['greet+unix:///run/%zz']],
    [
      'several, all at once',
      { env: { NIHAO_KEEP_ALIVE: '1h', NIHAO_DRAIN_DELAY: '-1s' }, args: ['hello://x:1', 'greet://127.0.0.1:99999'] },
      ['NIHAO_KEEP_ALIVE', '"1h"'],
      ['NIHAO_DRAIN_DELAY', '"-1s"'],
      ['hello://x:1', '"hello"'],
      ['greet://127.0.0.1:99999', '99999', '0 to 65535'],
    ],
  ]

  test.each(wrong)('%s', async (_, options, ...said) => {
    const { code, stderr, lines } = await failure('greet://127.0.0.1:0', options)
    const problems = stderr.trimEnd().split('\n')
    expect({ code, lines }).toEqual({ code: 2, lines: [] })
    expect(problems).toHaveLength(said.length)
    for (const words of said) {
      const fits = (problem: string) => problem.startsWith('nihao-server: ') && words.every(word => problem.includes(word))
      expect([words, problems.filter(fits).length]).toEqual([words, 1])
    }
  })

  test('but an unknown variable is only a warning', async () => {
    await using server = await startServer('greet://127.0.0.1:0', { env: { NIHAO_IDEL_TIMEOUT: '5s', NIHAO_INTERVAL: '2s' } })
    const warnings = [expect.objectContaining({ msg: 'ignoring unknown NIHAO_* variables', variables: ['NIHAO_IDEL_TIMEOUT'] })]
    expect(server.logged({ level: 'warn' })).toEqual(warnings)
  })
})

const help = /Usage: nihao-server[\s\S]*--idle-timeout {2}NIHAO_IDLE_TIMEOUT {2}\?idle-timeout=[\s\S]*default: 20m/

test.each([
  ['--help', help],
  ['-h', help],
  ['help', help],
  ['--version', /^\d+\.\d+\.\d+$/],
  ['-V', /^\d+\.\d+\.\d+$/],
])('%s is answered on stdout, with exit code 0', async (flag, said) => {
  await using server = new RunningServer('greet://127.0.0.1:0', { args: [flag] })
  expect(await server.exit()).toEqual({ code: 0, signal: null, stderr: '' })
  expect(server.lines.join('\n')).toMatch(said)
})
