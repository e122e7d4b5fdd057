import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from '@jest/globals'

/** Runs a program in a separate process, with `logger` and the exports of lifecycle.ts. */
async function run(program: string, onStart: (signal: (name: NodeJS.Signals) => void) => void = () => {}) {
  const source = `
    import { createLogger } from './logger.ts'
    import { exit, exitOnUncaughtError, stopOnSignal } from './lifecycle.ts'
    const logger = createLogger('test', 'info')
    ${program}`
  const child = spawn(process.execPath, ['--input-type=module', '--conditions=source', '--eval', source], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.once('data', () => onStart(name => child.kill(name)))
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return {
    code,
    stderr,
    lines: stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line)),
  }
}

describe('an uncaught error', () => {
  test.each([
    ['thrown', "setTimeout(() => { throw new Error('a bug') })"],
    ['of a promise', "Promise.reject(new Error('a bug'))"],
  ])('%s is logged with its stack, after all lines before it, and exits with 1', async (_, bug) => {
    const { code, stderr, lines } = await run(`
      exitOnUncaughtError(logger)
      setInterval(() => {}, 1_000)
      for (let line = 0; line < 1_000; line++) logger.info({ line }, 'before')
      ${bug}`)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(lines.slice(0, -1).map(({ line }) => line)).toEqual(Array.from({ length: 1_000 }, (_, line) => line))
    const error = expect.objectContaining({ message: 'a bug', stack: expect.stringContaining('Error: a bug\n') })
    expect(lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'unexpected error', error })
  })
})

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops once; a second %s exits with %i while that lasts', async (signal, exitCode) => {
    const program = "stopOnSignal(logger, () => new Promise(() => {})); setInterval(() => {}, 1_000); logger.info('started')"
    const { code, lines } = await run(
      `${program}
      process.once('${signal}', () => setImmediate(() => process.kill(process.pid, '${signal}')))`,
      send => send(signal),
    )
    expect(code).toBe(exitCode)
    expect(lines.map(({ msg }) => msg)).toEqual(['started', 'stopping', 'second signal: exiting immediately'])
  })

  test('that cannot stop the service exits with 1', async () => {
    const program =
      "stopOnSignal(logger, async () => { throw new Error('stuck') }); setInterval(() => {}, 1_000); logger.info('started')"
    const { code, lines } = await run(program, send => send('SIGTERM'))
    expect(code).toBe(1)
    expect(lines.at(-1)).toMatchObject({ level: 'fatal', msg: 'could not stop' })
  })
})
