import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { RunningClient, startClient } from './support/client.ts'
import { IdleClient } from './support/idle.ts'
import { frame } from './support/probe-server.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'
import { DEADLINE_MS, until } from './support/until.ts'

/** Between the first rung and the others by more than any pause of a busy machine. */
const DEATH_MS = 3_000
/** A connection that is dead by FIN or RST ends a rung at once. */
const env = { NIHAO_RUNGS: '100ms,30s,40s', NIHAO_KEEP_ALIVE: '1s' }

/** Echoes until the connection has been idle for a time. */
const impatient =
  (end: 'end' | 'resetAndDestroy'): Script =>
  socket => {
    echo(socket)
    socket.setTimeout(DEATH_MS, () => socket[end]())
  }

/** Echoes until the connection has been idle for a time, then does not answer any more. */
const forgetful: Script = socket => {
  socket.on('data', chunk => socket.write(chunk))
  socket.setTimeout(DEATH_MS, () => socket.pause())
}

/** Echoes the first time, and then sends wrong replies. */
const confused: Script = socket => {
  socket.once('data', chunk => {
    socket.write(chunk)
    socket.on('data', () => socket.write('what?\n'))
  })
}

describe('a ladder, with and without keep-alive', () => {
  // Side by side: they only wait.
  test.concurrent.each([
    ['FIN', impatient('end'), { death: 'FIN', reason: 'eof', noticed: 'silence' }, env, 0],
    ['RST', impatient('resetAndDestroy'), { death: 'RST', reason: 'reset', noticed: 'silence' }, env, 0],
    [
      'silence',
      forgetful,
      { death: 'silence', reason: 'timeout', noticed: 'exchange' },
      { ...env, NIHAO_RUNGS: '100ms,6s,7s', NIHAO_TIMEOUT: '3s' },
      3_000,
    ],
  ] as const)('finds the idle timeout of a server that ends connections by %s', async (_, script, death, settings, timeoutMs) => {
    await using server = await ScriptedServer.listen(script)
    const startMs = performance.now()
    await using client = new IdleClient(`echo://127.0.0.1:${server.port}`, settings)
    const { code, ladders } = await client.reported()
    const elapsedMs = performance.now() - startMs
    expect(code).toBe(1)
    expect(ladders.map(({ keepAliveMs }) => keepAliveMs)).toEqual([null, 1_000])
    for (const { longestSurvivorMs, firstDeath, rungs } of ladders) {
      expect(longestSurvivorMs).toBe(100)
      expect(firstDeath).toMatchObject(death)
      // The silence of the client begins with the reply, which may be read late.
      expect(firstDeath?.silentMs).toBeGreaterThan(DEATH_MS - 2_500)
      // The exchange after it is no part of the silence.
      expect(firstDeath?.silentMs).toBeLessThan(elapsedMs - timeoutMs)
      expect(rungs).toMatchObject([{ outcome: 'survived' }, { outcome: 'died', ...death }, { outcome: 'died', ...death }])
    }
    expect(server.accepted).toBe(6)
  })

  test('distinguishes wrong bytes from a dead connection', async () => {
    await using server = await ScriptedServer.listen(confused)
    await using client = new IdleClient(`echo://127.0.0.1:${server.port}`, { ...env, NIHAO_RUNGS: '100ms' })
    const { code, ladders } = await client.reported()
    expect(code).toBe(1)
    expect(ladders[0]?.firstDeath).toMatchObject({ reason: 'mismatch', noticed: 'exchange' })
  })

  test('exits with 0 if all connections survive', async () => {
    await using server = await ScriptedServer.listen(echo)
    await using client = new IdleClient(`echo://127.0.0.1:${server.port}`, { ...env, NIHAO_RUNGS: '100ms,500ms' })
    const report = await client.reported()
    expect(report).toMatchObject({ code: 0, report: 'idle', version: 1, interrupted: false })
    for (const ladder of report.ladders) {
      expect(ladder).toMatchObject({ longestSurvivorMs: 500, firstDeath: null })
    }
    await until('all connections to be closed', () => server.open.size === 0)
  })

  test('exits with 3 if it cannot connect', async () => {
    await using client = new IdleClient(`echo://127.0.0.1:${await freePort()}`, env)
    const { code, ladders } = await client.reported()
    expect(code).toBe(3)
    expect(ladders[0]?.rungs[0]).toMatchObject({ outcome: 'unusable', reason: 'refused' })
  })

  test('escapes text from a server', async () => {
    await using server = await ScriptedServer.listen(socket =>
      socket.end(frame('reject', { reason: 'a\u001b[2J\nb\u202ec', limit: 1 })),
    )
    const options = { args: ['idle', '--report', 'text'], env: { NIHAO_RUNGS: '100ms', NIHAO_KEEP_ALIVE: '0s' } }
    await using client = new RunningClient(`probe://127.0.0.1:${server.port}`, options)
    await client.exit()
    expect(client.lines.join('\n')).toContain('no usable connection: rejected, a\\u{1b}[2J\\u{a}b\\u{202e}c')
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('tells on %s what is known so far', async (signal, exitCode) => {
    await using server = await ScriptedServer.listen(echo)
    await using client = new IdleClient(`echo://127.0.0.1:${server.port}`, { NIHAO_RUNGS: '100ms,10m', NIHAO_KEEP_ALIVE: '0s' })
    // The first rung is complete. The second is silent: it had its reply before the first one had its last.
    await until('one connection to be left', () => {
      const [last] = server.open
      return server.accepted === 2 && server.open.size === 1 && (last?.bytesWritten ?? 0) > 0
    })
    const leftMs = performance.now()
    await until('a moment of silence', () => performance.now() > leftMs + 100)
    client.kill(signal)
    const { code, interrupted, ladders } = await client.reported()
    expect(code).toBe(exitCode)
    expect(interrupted).toBe(true)
    expect(ladders[0]).toMatchObject({ longestSurvivorMs: 100, rungs: [{ outcome: 'survived' }, { outcome: 'unfinished' }] })
    expect(ladders[0]?.rungs[1]?.silentMs).toBeGreaterThan(0)
  })

  test.each(['10s,5s', '5s,5s', '10', '', '0s,1s', '1s;2s'])('refuses the rungs "%s"', async rungs => {
    await using client = new IdleClient('echo://127.0.0.1:1', { NIHAO_RUNGS: rungs })
    const { code, stderr } = await client.exit()
    expect(code).toBe(2)
    expect(stderr).toContain('NIHAO_RUNGS: invalid list of durations')
  })

  test('rejects a protocol without replies', async () => {
    await using client = new IdleClient('discard://127.0.0.1:1', {})
    const { code, stderr } = await client.exit()
    expect(code).toBe(2)
    expect(stderr).toContain('discard does not reply: the idle test requires greet, echo or probe')
  })
})

testWith('script', 'progress on a terminal is erased at the end', async () => {
  await using server = await ScriptedServer.listen(echo)
  const command = `${process.execPath} --conditions=source services/client/src/main.ts idle --rungs 1500ms --keep-alive 0s --timeout 30s echo://127.0.0.1:${server.port}`
  // Only stderr is the terminal.
  const { stdout: seen } = await promisify(execFile)('script', ['-qec', `${command} > /dev/null`, '/dev/null'], {
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  const shown = seen.split('\r\x1b[2K')
  expect(shown.length).toBeGreaterThan(3)
  expect(shown[0]).toBe('')
  expect(shown[1]).toBe('idle: 0s of 1.5s; connections: 1, survived: 0, died: 0, unusable: 0')
  expect(shown.at(-1)).toBe('')
  expect(seen).not.toContain('\n')
})

test('with --repeat, it repeats the ladders and exposes metrics', async () => {
  await using server = await ScriptedServer.listen(impatient('end'))
  const target = `echo://127.0.0.1:${server.port}`
  await using client = await startClient(target, {
    args: ['idle'],
    env: { NIHAO_RUNGS: '100ms,30s', NIHAO_REPEAT: '100ms', NIHAO_KEEP_ALIVE: '1s' },
  })
  expect(await client.metric('tcp_client_idle_deaths_total', { target, reason: 'mismatch' })).toBe(0)
  for (const keep_alive of ['off', 'on']) {
    const labels = { target, keep_alive }
    const metric = (name: string) => client.metric(`tcp_client_idle_${name}`, labels)
    await until('two ladders', async () => (await metric('ladders_total')) >= 2)
    expect(await metric('survived_seconds')).toBe(0.1)
    expect(await metric('first_death_seconds')).toBeGreaterThan((DEATH_MS - 2_500) / 1_000)
    expect(await metric('first_death_seconds')).toBeLessThan(30)
    expect(await client.metric('tcp_client_idle_deaths_total', { ...labels, reason: 'eof' })).toBeGreaterThanOrEqual(2)
  }
  expect((await client.page('/readyz')).status).toBe(200)
  expect(JSON.parse((await client.page('/ladders')).text).ladders).toHaveLength(2)
  expect(JSON.parse((await client.page('/history')).text)).toMatchObject({ target, span: '15m' })
  expect(JSON.parse((await client.page('/events')).text)).toMatchObject({ events: [] })
  expect(await client.log({ msg: 'ladder completed' })).toMatchObject({ level: 'warn', target, longestSurvivorMs: 100 })
  await client.stop()
  await until('all connections to be closed', () => server.open.size === 0)
})
