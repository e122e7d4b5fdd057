import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import schema from '../../docs/probe-report.schema.json' with { type: 'json' }
import { parseJunit, parseTap } from './support/ci-formats.ts'
import { schemaErrors } from './support/json-schema.ts'
import { type ProbeRun, RunningProbe, runProbe } from './support/probe.ts'
import { echo, freePort, type Script, ScriptedServer } from './support/scripted-server.ts'
import { type Tool, testWith } from './support/tool.ts'
import { until } from './support/until.ts'

let server: ScriptedServer
let target: string

beforeAll(async () => {
  server = await ScriptedServer.listen(echo)
  target = `echo://127.0.0.1:${server.port}`
})

afterAll(() => server[Symbol.asyncDispose]())

/** Resets the first connection at its third request, which is lost. */
function resetOnce(): Script {
  let first = true
  return socket => {
    const resets = first
    first = false
    let requests = 0
    socket.on('data', chunk => {
      if (resets && ++requests === 3) socket.resetAndDestroy()
      else socket.write(chunk)
    })
    socket.on('end', () => socket.end())
  }
}

function reportIn({ stdout, stderr }: Pick<ProbeRun, 'stdout' | 'stderr'>) {
  if (stdout.trim() === '') throw new Error(`there is no report: ${stderr}`)
  const report = JSON.parse(stdout)
  expect(schemaErrors(schema, report)).toEqual([])
  return report
}

describe('probe with a duration', () => {
  test('reports as the schema says, with the log on stderr, and exits with 0 when all thresholds are met', async () => {
    const limits = ['--max-outage', '0s', '--max-lost', '0', '--max-p99', '10s']
    const { code, stdout, stderr } = await runProbe('--duration', '3s', '--report', 'json', ...limits, target)
    const report = reportIn({ stdout, stderr })
    expect([code, report.exitCode, report.interrupted]).toEqual([0, 0, null])
    expect(report.thresholds.map(({ name, met }: { name: string; met: boolean }) => [name, met])).toEqual([
      ['maxOutage', true],
      ['maxLost', true],
      ['maxP99', true],
    ])
    expect(report.durationMs).toBeGreaterThanOrEqual(3_000)
    const [{ exchanges, lost, latencyMs, outages }] = report.targets
    expect(exchanges).toBeGreaterThanOrEqual(2)
    expect([lost, outages, latencyMs.count]).toEqual([0, { count: 0, longestMs: 0, listed: [] }, exchanges])
    expect(stderr).toMatch(/"msg":"first reply"/)
    expect(schemaErrors(schema, { ...report, version: 2 })).toHaveLength(1)
  })

  test('lists an outage, and exits with 1 when an exchange was lost', async () => {
    await using flaky = await ScriptedServer.listen(resetOnce())
    const url = `echo://127.0.0.1:${flaky.port}`
    const run = await runProbe('--duration', '4s', '--report', 'json', '--max-lost', '0', '--max-outage', '10s', url)
    const report = reportIn(run)
    expect([run.code, report.exitCode]).toEqual([1, 1])
    expect(report.thresholds).toEqual([
      { name: 'maxOutage', target: url, limit: 10_000, actual: expect.any(Number), met: true },
      { name: 'maxLost', target: url, limit: 0, actual: expect.any(Number), met: false },
    ])
    const [{ lost, failures, outages }] = report.targets
    expect(lost).toBeGreaterThanOrEqual(1)
    expect(failures).toEqual({ reset: lost })
    const address = `127.0.0.1:${flaky.port}`
    expect(outages).toEqual({
      count: 1,
      longestMs: outages.listed[0].durationMs,
      listed: [expect.objectContaining({ reason: 'reset', lostExchanges: lost, left: address, found: address, over: true })],
    })
    expect(outages.longestMs).toBeGreaterThan(0)
  })

  test('an outage that is not over counts at least until the end', async () => {
    await using own = await ScriptedServer.listen(echo)
    await using probe = new RunningProbe([
      ...['--duration', '6s', '--report', 'json', '--timeout', '2s', '--max-outage', '100ms'],
      `echo://127.0.0.1:${own.port}`,
    ])
    await until('the first reply', () => probe.stderr.includes('"first reply"'))
    own.become(socket => socket.destroy())
    const { code, stdout, stderr } = await probe.result()
    const report = reportIn({ stdout, stderr })
    expect([code, report.thresholds[0].met]).toEqual([1, false])
    expect(report.targets[0].outages.listed).toEqual([expect.objectContaining({ over: false })])
  })

  test('exits with 1 when a target accepts connections and answers nothing, also without thresholds', async () => {
    await using silent = await ScriptedServer.listen(socket => socket.resume())
    const url = `echo://127.0.0.1:${silent.port}`
    const { code, stdout } = await runProbe('--duration', '3s', '--timeout', '200ms', '--max-p99', '1s', url)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^missed {2}maxP99 1000 ms: no replies {2}echo:/m)
  })

  test('exits with 3 when a target could not be connected to', async () => {
    const closed = `echo://127.0.0.1:${await freePort()}`
    const { code, stdout } = await runProbe('--duration', '1s', target, closed)
    expect(code).toBe(3)
    expect(stdout).toMatch(new RegExp(`^${closed} {2}[\\d.]+ s, could not connect$`, 'm'))
  })

  test('exits with 5 when wrong bytes arrived', async () => {
    await using wrong = await ScriptedServer.listen(socket => {
      socket.on('data', () => socket.write('something else\n'))
    })
    const { code } = await runProbe('--duration', '3s', `echo://127.0.0.1:${wrong.port}`)
    expect(code).toBe(5)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it early, with the report so far', async (signal, expected) => {
    await using probe = new RunningProbe(['--duration', '60m', '--report', 'json', target])
    await until('the first reply', () => probe.stderr.includes('"first reply"'))
    probe.kill(signal)
    const run = await probe.result()
    const report = reportIn(run)
    expect([run.code, report.exitCode, report.interrupted]).toEqual([expected, expected, signal])
    expect(report.targets[0].exchanges).toBeGreaterThanOrEqual(1)
    expect(report.durationMs).toBeLessThan(3_600_000)
  })

  test('text has the figures and a line for each threshold', async () => {
    const { code, stdout } = await runProbe(
      '--duration',
      '3s',
      '--max-lost',
      '0',
      '--max-p99',
      '1ms',
      '--interval',
      '10ms',
      target,
    )
    expect(stdout.split('\n')[0]).toMatch(new RegExp(`^${target} {2}\\d+(\\.\\d+)? s$`))
    for (const line of [/^ {2}exchanges {2}\d+$/m, /^ {2}lost {7}0$/m, /^ {2}outages {4}0$/m, /^ {2}latency +\d/m]) {
      expect(stdout).toMatch(line)
    }
    expect(stdout).toMatch(/^met {2}maxLost 0: 0 {2}echo:/m)
    expect(stdout).toMatch(/^(met|missed) {2}maxP99 1 ms: [\d.]+ ms {2}echo:/m)
    expect(code).toBe(/^missed/m.test(stdout) ? 1 : 0)
  })

  test('thresholds require a duration', async () => {
    const { code, stderr } = await runProbe('--max-lost', '0', '--max-outage', '1s', target)
    expect(code).toBe(2)
    expect(stderr).toContain('NIHAO_MAX_LOST requires NIHAO_DURATION')
    expect(stderr).toContain('NIHAO_MAX_OUTAGE requires NIHAO_DURATION')
  })
})

describe('parsers that are not ours read', () => {
  const args = async (report: string) => {
    const closed = `echo://127.0.0.1:${await freePort()}`
    // Exchanges with a target that is not there are lost after the timeout, which no other exchange exceeds on a busy machine.
    return ['--duration', '10s', '--timeout', '6s', '--report', report, '--max-lost', '0', '--max-p99', '1m', target, closed]
  }
  const testReport = (tool: Tool, name: string, run: () => Promise<void>) => testWith(tool, name, run, test.concurrent)

  testReport('python3', 'junit', async () => {
    const { stdout } = await runProbe(...(await args('junit')))
    expect(parseJunit(stdout)).toEqual({
      counts: { tests: 6, failures: 3, errors: 0, skipped: 0 },
      cases: [
        ['exchanges', ['system-out']],
        ['max-lost', ['system-out']],
        ['max-p99', ['system-out']],
        ['exchanges', ['failure', 'system-out']],
        ['max-lost', ['failure', 'system-out']],
        ['max-p99', ['failure', 'system-out']],
      ],
      failure: 'refused: no exchange was answered',
    })
  })

  testReport('tapParser', 'tap', async () => {
    const { stdout } = await runProbe(...(await args('tap')))
    expect(parseTap(stdout)).toEqual({ version: 13, planned: 6, run: 6, failed: [4, 5, 6], skipped: [], errors: [], plan: 1 })
  })
})
