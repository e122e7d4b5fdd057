import { describe, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { check, checkJson, result, startCheck, verdicts } from './support/check.ts'
import { relayFrom } from './support/relay.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const ALL = [
  'connect',
  'hello',
  'source',
  'exchange',
  'utf8-pieces',
  'large',
  'half-close',
  'short-connections',
  'concurrent',
  'backpressure',
  'sizes',
  'idle',
]
/** For checks that pass, however busy the machine is. */
const LIMITS = ['--timeout', '20s', '--check-timeout', '20s']
const all = (...skipped: string[]) => Object.fromEntries(ALL.map(name => [name, skipped.includes(name) ? 'skipped' : 'ok']))

describe('all checks pass, or are skipped if they do not apply, with a nihao-server on', () => {
  const protocols: [listen: string, options: string, skipped: string[]][] = [
    ['greet', '', ['source']],
    ['echo', '', ['source']],
    ['probe', '', []],
    ['discard', '', ['source', 'utf8-pieces', 'backpressure', 'sizes']],
    ['chargen', '', ['hello', 'source', 'utf8-pieces', 'half-close', 'sizes', 'idle']],
    ['greet', '?banner=address', ['source']],
    ['greet', '?greeting=', ['source']],
  ]

  test.each(protocols)('%s%s', async (protocol, options, skipped) => {
    const serverOptions = options.startsWith('?banner') ? options : ''
    const clientOptions = options.startsWith('?banner') ? '?banner=address' : options
    await using server = await startServer(
      `${protocol === 'greet' && options === '?greeting=' ? 'echo' : protocol}://127.0.0.1:0${serverOptions}`,
    )
    const run = await checkJson([`${protocol}://127.0.0.1:${server.port()}${clientOptions}`, '--check-idle', '500ms', ...LIMITS])
    expect(verdicts(run)).toEqual(all(...skipped))
    expect([run.code, run.report.verdict, run.stderr]).toEqual([0, 'ok', ''])
  })
})

test('the figures of a large transfer and of a stalled reader are those of the server', async () => {
  await using server = await startServer('echo://127.0.0.1:0')
  const run = await checkJson([`echo://127.0.0.1:${server.port()}`, '--only', 'large,backpressure', '--check-timeout', '40s'])
  const { figures: large } = result(run, 'large', 'ok')
  const { figures: stalled } = result(run, 'backpressure', 'ok')
  expect(large).toMatchObject({ sentBytes: 4_194_304, receivedBytes: 4_194_304 })
  expect(stalled.receivedBytes).toBe(stalled.sentBytes)
  // The server stopped reading, and had received less by then than the client could have sent.
  expect(stalled.takenBytes).toBeLessThan(64 * 2 ** 20)
  await server.untilMetric('tcp_server_received_bytes_total', Number(large.sentBytes) + Number(stalled.sentBytes))
  expect(await server.metric('tcp_server_read_pauses_total')).toBeGreaterThan(0)
})

test('source compares the address that the server sees with the expected one', async () => {
  await using server = await startServer('probe://127.0.0.1:0')
  await using relay = await relayFrom('127.0.0.5', server.port())
  const checkSource = async (port: number, expected: string) =>
    checkJson([`probe://127.0.0.1:${port}`, '--expect-source', expected, '--only', 'source'])

  expect(result(await checkSource(server.port(), 'kept'), 'source', 'ok').figures).toEqual({
    own: '127.0.0.1',
    seen: '127.0.0.1',
  })
  expect(result(await checkSource(relay.port, 'any'), 'source', 'ok').figures).toEqual({ own: '127.0.0.1', seen: '127.0.0.5' })
  expect(verdicts(await checkSource(relay.port, 'translated'))).toEqual({ source: 'ok' })
  const run = await checkSource(relay.port, 'kept')
  expect(run.code).toBe(1)
  expect(result(run, 'source', 'failed')).toMatchObject({
    reason: 'mismatch',
    detail: 'the server sees 127.0.0.5, not 127.0.0.1',
    meaning: expect.stringMatching(/^NAT or a proxy/),
  })
  expect(verdicts(await checkSource(server.port(), 'translated'))).toEqual({ source: 'failed: mismatch' })
})

test('hello reports the server name, and fails if the name is unexpected', async () => {
  await using server = await startServer('probe://127.0.0.1:0')
  const url = `probe://127.0.0.1:${server.port()}`
  const { figures } = result(await checkJson([url, '--only', 'hello']), 'hello', 'ok')
  expect(figures.release).toBe(manifest.version)
  const run = await checkJson([`${url}?expect-server=^somebody-else$`, '--only', 'hello,large'])
  expect(verdicts(run)).toEqual({ hello: 'failed: mismatch', large: 'skipped' })
  expect(run.code).toBe(1)
})

describe('a failed check has a side where it is known', () => {
  const sideOf = async (url: string, name: string) => {
    const { side, evidence } = result(await checkJson([...LIMITS, url, '--only', name]), name, 'failed')
    return [side, evidence]
  }

  test.each([
    ['probe', ['server', 'server_closed']],
    ['echo', ['unknown', 'none']],
  ])('a %s server that resets', async (protocol, side) => {
    await using server = await startServer(`${protocol}://127.0.0.1:0?reset-after=1n`)
    expect(await sideOf(`${protocol}://127.0.0.1:${server.port()}`, 'exchange')).toEqual(side)
  })

  test('a name that is not resolved', async () => {
    expect(await sideOf('echo://nobody.invalid:7', 'connect')).toEqual(['name_service', 'dns'])
  })

  test('a server that does not answer, or a reply that is lost: nobody can tell', async () => {
    await using server = await startServer('probe://127.0.0.1:0?stall-after=1n')
    // A client that stood still for half of the timeout would blame itself.
    expect(await sideOf(`probe://127.0.0.1:${server.port()}?timeout=4s`, 'exchange')).toEqual(['unknown', 'none'])
  })

  test('in text and JUnit as well', async () => {
    await using server = await startServer('probe://127.0.0.1:0?reset-after=1n')
    const args = [...LIMITS, `probe://127.0.0.1:${server.port()}`, '--only', 'exchange']
    expect((await check(args)).stdout).toMatch(/exchange +[\d.,]+ m?s {2}reset: .*\n +side server \(server_closed\)\n/)
    expect((await check([...args, '--report', 'junit'])).stdout).toMatch(/ \(side server \(server_closed\)\)<\/failure>/)
  })
})

describe('an unreachable target', () => {
  test('is reported once, exit 3', async () => {
    const run = await checkJson([`greet://127.0.0.1:${await freePort()}`, '--only', 'large,idle'])
    expect(verdicts(run)).toEqual({ connect: 'failed: refused' })
    expect([run.code, run.report.verdict]).toEqual([3, 'unreachable'])
  })

  test('by its name, exit 3', async () => {
    const run = await checkJson(['greet://nobody.invalid:1234', '--timeout', '60s', '--check-timeout', '60s'])
    expect(verdicts(run)).toEqual({ connect: 'failed: dns' })
    expect(run.code).toBe(3)
  })

  test('does not prevent checks of other targets; a failed check takes precedence', async () => {
    await using good = await ScriptedServer.listen(echo)
    await using bad = await ScriptedServer.listen(socket => socket.on('data', () => socket.write('no\n')))
    const nobody = `echo://127.0.0.1:${await freePort()}`
    const some = ['--only', 'exchange']
    const mixed = await checkJson([nobody, `echo://127.0.0.1:${good.port}`, ...some])
    expect([mixed.code, mixed.report.targets.map(({ reachable }) => reachable)]).toEqual([3, [false, true]])
    const failed = await checkJson([nobody, `echo://127.0.0.1:${bad.port}`, ...some])
    expect([failed.code, failed.report.verdict]).toEqual([1, 'failed'])
  })
})

describe('--wait', () => {
  test('waits until the target answers, and says so in two lines', async () => {
    const port = await freePort()
    await using client = startCheck([`echo://127.0.0.1:${port}`, '--only', 'exchange', '--wait', '30s'])
    await using gate = await ScriptedServer.listen(socket => socket.destroy(), { port })
    // Like a proxy whose server has not started: it accepts and closes.
    await until('attempts', () => gate.accepted >= 2)
    expect(client.running).toBe(true)
    gate.become(echo)
    const { code, stderr } = await client.exit()
    const lines = stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines).toMatchObject([{ msg: 'waiting for target', waitMs: 30_000 }, { msg: 'target is up' }])
    expect(code).toBe(0)
  })

  test('is bounded', async () => {
    const url = `echo://127.0.0.1:${await freePort()}`
    const { code, stderr, stdout } = await check([url, '--wait', '3s'])
    const lines = stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines).toMatchObject([{ msg: 'waiting for target' }, { msg: 'gave up waiting', target: url, reason: 'refused' }])
    expect(lines[1].waitedMs).toBeGreaterThan(2_900)
    expect(code).toBe(3)
    expect(stdout).toMatch(/failed +connect .* refused: /)
  })
})

describe('a signal ends the run with a report of the results so far', () => {
  const signals = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const
  test.each(signals)('%s', async (signal, code) => {
    await using server = await ScriptedServer.listen(echo)
    await using client = startCheck([`echo://127.0.0.1:${server.port}`, '--only', 'exchange,idle', '--check-idle', '60s'])
    await until('the exchange to be told', () => client.lines.some(line => line.includes('exchange')))
    client.kill(signal)
    expect((await client.exit()).code).toBe(code)
    expect(client.lines.join('\n')).toMatch(new RegExp(`ok +exchange[^]*skipped +idle +interrupted[^]*interrupted by ${signal}`))
    await until('the connections to be closed', () => server.open.size === 0)
  })

  test('while it waits', async () => {
    await using gate = await ScriptedServer.listen(socket => socket.destroy())
    await using client = startCheck([`echo://127.0.0.1:${gate.port}`, '--wait', '60s'])
    await until('attempts', () => gate.accepted >= 2)
    client.kill('SIGTERM')
    expect((await client.exit()).code).toBe(143)
  })
})

describe('wrong usage, exit 2:', () => {
  const url = 'echo://127.0.0.1:1'
  const cases: [name: string, args: string[], says: RegExp][] = [
    [
      'an unknown check',
      [url, '--only', 'connect,conect'],
      /--only: invalid checks "connect,conect": must be any of connect, hello, .* and idle/,
    ],
    ['nothing left', [url, '--only', 'large', '--skip', 'large'], /NIHAO_ONLY, NIHAO_SKIP: no check left to run/],
    ['an unknown report', [url, '--report', 'html'], /--report: invalid value "html": must be text, json, junit or tap/],
  ]
  test.each(cases)('%s', async (_, args, says) => {
    const { code, stdout, stderr } = await check(args)
    expect(stderr).toMatch(says)
    expect([code, stdout.trim()]).toEqual([2, ''])
  })
})

test('settings can also come from the environment', async () => {
  await using server = await ScriptedServer.listen(echo)
  const env = {
    NIHAO_MODE: 'check',
    NIHAO_TARGETS: `echo://127.0.0.1:${server.port}`,
    NIHAO_ONLY: 'connect exchange',
    NIHAO_SKIP: 'connect',
    NIHAO_REPORT: 'tap',
  }
  const { code, stdout } = await check([], env)
  expect(stdout).toMatch(/^TAP version 14\nok 1 - echo:\/\/127\.0\.0\.1:\d+ exchange\n.*\n1\.\.1\n$/s)
  expect(code).toBe(0)
})
