import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import schema from '../../docs/load-report.schema.json' with { type: 'json' }
import { schemaErrors } from './support/json-schema.ts'
import { parseReport, RunningLoad, reportLoad, runLoad } from './support/load.ts'
import { echo, freePort, ScriptedServer } from './support/scripted-server.ts'
import { testWith } from './support/tool.ts'
import { until } from './support/until.ts'

let server: ScriptedServer
let target: string

beforeAll(async () => {
  server = await ScriptedServer.listen(echo)
  target = `echo://127.0.0.1:${server.port}`
})

afterAll(() => server[Symbol.asyncDispose]())

describe('load reports', () => {
  test('JSON that is valid under the schema, in all outcomes', async () => {
    const open = ['--rate', '200', '--count', '50', '--size', '10B..20B', '--max-p99', '10s', '--min-rate', '1', target]
    for (const args of [open, ['--count', '50', target], ['--max-p99', '1s', `echo://127.0.0.1:${await freePort()}`]]) {
      const { stdout } = await runLoad('--report', 'json', ...args)
      expect(schemaErrors(schema, JSON.parse(stdout))).toEqual([])
    }
    expect(schemaErrors(schema, { ...JSON.parse((await runLoad('--report', 'json', ...open)).stdout), version: 2 })).toHaveLength(
      1,
    )
  })

  test('text with aligned columns', async () => {
    const { code, stdout, stderr } = await runLoad('--rate', '200', '--count', '100', '--timeout', '10s', target)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/answered +100 /)
    const [header = '', ...rows] = stdout.split('\n').filter(line => /^ {2}(ms|latency|client)/.test(line))
    expect(rows).toHaveLength(3)
    for (const row of rows) expect(row).toHaveLength(header.length)
    expect(header.trim().split(/\s+/)).toEqual(['ms', 'min', 'mean', 'p50', 'p75', 'p90', 'p99', 'p99.9', 'p99.99', 'max'])
  })

  test.each([
    ['--max-p99', '10s', 0],
    ['--max-p99', '1ms', 1],
    ['--min-rate', '1', 0],
    ['--min-rate', '1000000', 1],
    ['--max-failures', '0', 0],
  ])('threshold %s %s decides the exit code: %i', async (flag, limit, expected) => {
    // Replies take 20 ms: more than one limit, far less than the other.
    await using slow = await ScriptedServer.listen(socket => {
      socket.on('data', chunk => setTimeout(() => socket.write(chunk), 20))
      socket.on('end', () => socket.end())
    })
    const { code, report } = await reportLoad('--count', '20', '--timeout', '9s', flag, limit, `echo://127.0.0.1:${slow.port}`)
    expect([code, report.exitCode, report.thresholds.map(({ met }) => met)]).toEqual([expected, expected, [expected === 0]])
  })

  test.each([
    ['1', 0],
    ['0', 1],
  ])('a lost connection with --max-failures %s gives %i', async (limit, expected) => {
    let connections = 0
    await using flaky = await ScriptedServer.listen(socket => {
      if (++connections === 1) socket.once('data', () => socket.resetAndDestroy())
      else echo(socket)
    })
    const { code } = await reportLoad('--count', '10', '--max-failures', limit, `echo://127.0.0.1:${flaky.port}`)
    expect(code).toBe(expected)
  })

  test("the histogram is a table for HdrHistogram's plotter", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nihao-'))
    try {
      const file = join(folder, 'latency.hgrm')
      const flags = ['--count', '1000', '--timeout', '10s', '--histogram', file]
      const { target: figures } = await reportLoad(...flags, target)
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
      expect(lines[0]?.trim().split(/\s+/)).toEqual(['Value', 'Percentile', 'TotalCount', '1/(1-Percentile)'])
      const rows = lines.filter(line => /^ *\d/.test(line)).map(line => line.trim().split(/\s+/).map(Number))
      expect(rows.map(([value]) => value)).toEqual(rows.map(([value]) => value).toSorted((a = 0, b = 0) => a - b))
      expect(rows.at(-1)?.slice(1)).toEqual([1, 1_000])
      const median = rows.find(([, share]) => share === 0.5)
      expect(median?.[0]).toBeCloseTo(figures.latencyMs.fromSend.percentiles.p50 ?? Number.NaN, 3)
      expect(lines.at(-1)).toMatch(/^#\[Max +=.*Total count +=\s+1000\]$/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it early with the report of what was done, after a clean close', async (signal, expected) => {
    await using own = await ScriptedServer.listen(echo)
    let finished = false
    own.script = socket => {
      socket.on('end', () => {
        finished = true
      })
      echo(socket)
    }
    await using load = new RunningLoad(['--report', 'json', '--duration', '1m', `echo://127.0.0.1:${own.port}`])
    await until('exchanges', () => [...own.open].some(({ bytesRead }) => bytesRead > 100))
    load.kill(signal)
    const result = await load.result()
    const { report, target } = parseReport(result)
    expect([result.code, report.interrupted, report.exitCode]).toEqual([expected, signal, expected])
    expect(target.answered).toBeGreaterThan(10)
    expect([target.failed, target.connections.closed, finished]).toEqual([0, { finished: 1 }, true])
    expect(schemaErrors(schema, report)).toEqual([])
  })

  test('a second signal ends it immediately', async () => {
    await using silent = await ScriptedServer.listen(() => {})
    await using load = new RunningLoad(['--timeout', '1m', `echo://127.0.0.1:${silent.port}`])
    await until('the connection', () => silent.accepted === 1)
    load.kill('SIGINT')
    await until('the first signal to be seen', () => load.stderr.includes('"stopping"'))
    load.kill('SIGINT')
    const { code, stdout } = await load.result()
    expect([code, stdout]).toEqual([130, ''])
  })

  testWith('script', 'a line on a terminal shows the progress, and is erased at the end', async () => {
    const progress = /\d+ s {2}\d+\/s {2}p50 \d+\.\d+ ms {2}p99 \d+\.\d+ ms {2}failures 0/
    // A second without a reply has no latencies.
    const lineOfSecond = /^\d+ s {2}\d+\/s {2}p50 (-|\d+\.\d+ ms) {2}p99 (-|\d+\.\d+ ms) {2}failures 0$/
    let stdout = ''
    let requestedBytes = 0
    let sendLastReply: (() => void) | undefined
    await using own = await ScriptedServer.listen(socket => {
      socket.on('data', chunk => {
        requestedBytes += chunk.length
        if (requestedBytes === 500 * 7) sendLastReply = () => socket.write(chunk)
        else socket.write(chunk)
      })
      socket.on('end', () => socket.end())
    })
    const load = `load --timeout 90s --count 500 echo://127.0.0.1:${own.port}`
    // script(1) provides only the terminal, and records its output; stdout of the load goes elsewhere.
    const command = `stty cols 100; exec ${process.execPath} --conditions=source services/client/src/main.ts ${load} >/dev/null`
    const script = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'ignore'] })
    using _ = { [Symbol.dispose]: () => void script.kill('SIGKILL') }
    script.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    const closed = once(script, 'close')
    await until('two lines, one of them with latencies', () => progress.test(stdout) && stdout.split('failures 0').length > 2)
    await until('the last request', () => sendLastReply !== undefined)
    sendLastReply?.()
    const [code] = await closed
    const shown = stdout.split('\r\x1b[K').map(line => line.replace(/\r$/, ''))
    expect([code, shown[0], shown.at(-1)]).toEqual([0, '', ''])
    const lines = shown.slice(1, -1)
    for (const line of lines) expect(line).toMatch(lineOfSecond)
    // At most one each second: the nth is at least n seconds old.
    for (const [index, line] of lines.entries()) expect(Number.parseInt(line, 10)).toBeGreaterThan(index)
  })

  test('--help lists its flags with formats and defaults', async () => {
    const { code, stdout } = await runLoad('--help')
    expect(code).toBe(0)
    const flags = ['count', 'duration', 'warm-up', 'rate', 'arrivals', 'depth', 'size', 'report', 'histogram']
    for (const flag of [...flags, 'max-p99', 'max-failures', 'min-rate']) {
      expect(stdout).toMatch(
        new RegExp(`^ +--${flag} +NIHAO_${flag.toUpperCase().replaceAll('-', '_')}.*\\n.*\\n.*default: \\S+`, 'm'),
      )
    }
  })

  test.each([
    ['--size', '10B..5B', '100B..10KiB'],
    ['--arrivals', 'regular', 'fixed or poisson'],
    ['--depth', '0', 'from 1 to'],
    ['--max-p99', '5', 'invalid positive duration'],
    ['--conections', '5', '--help'],
    ['--interval', '5s', '--interval is a setting of probe only'],
  ])('%s %s is refused with what would be valid', async (flag, value, valid) => {
    const { code, stdout, stderr } = await runLoad(flag, value, target)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(valid)
  })
})
