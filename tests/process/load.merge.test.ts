import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import schema from '../../docs/load-report.schema.json' with { type: 'json' }
import { schemaErrors } from './support/json-schema.ts'
import { type LoadReport, runLoad, type TargetReport } from './support/load.ts'
import { type RunningServer, startServer } from './support/server.ts'
import { Service } from './support/service.ts'

/** Runs `nihao-client merge`. */
async function merge(...args: string[]) {
  await using process = new Service('services/client/src/main.ts', { args: ['merge', ...args] })
  const { code, stderr } = await process.exit()
  return { code, stderr, stdout: process.lines.join('\n') }
}

/** The values of a distribution, each as the beginning of its bucket, as docs/load-report.schema.json describes. */
function valuesOf({ buckets }: TargetReport['latencyMs']['fromSend']): number[] {
  const pairs = buckets.split(' ').map(pair => pair.split(':').map(Number))
  return pairs.flatMap(([index = 0, count = 0]) =>
    Array<number>(count).fill(2 ** (Math.floor(index / 1_024) - 20) * (1 + (index % 1_024) / 1_024)),
  )
}

describe('merging the reports of two clients', () => {
  let server: RunningServer
  let folder: string
  let files: string[]
  let targets: TargetReport[]

  beforeAll(async () => {
    server = await startServer('echo://127.0.0.1:0 echo://127.0.0.1:0?delay=30ms')
    folder = await mkdtemp(join(tmpdir(), 'nihao-'))
    const loads = await Promise.all(
      [0, 1].map(listener =>
        runLoad(
          ...[
            '--report',
            'json',
            '--rate',
            '40',
            '--duration',
            '1s',
            '--connections',
            '4',
            '--timeout',
            '30s',
            '--min-rate',
            '60',
          ],
          `echo://127.0.0.1:${server.port(listener)}?name=both`,
        ),
      ),
    )
    expect(loads.map(({ code }) => code)).toEqual([1, 1])
    files = ['one.json', 'two.json'].map(name => join(folder, name))
    await Promise.all(loads.map(({ stdout }, index) => writeFile(String(files[index]), stdout)))
    targets = loads.map(({ stdout }) => JSON.parse(stdout).targets[0])
  })

  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  test('adds up counts and rates, and takes percentiles of all exchanges together', async () => {
    const { code, stdout } = await merge(...files, '--report', 'json', '--min-rate', '60')
    const report: LoadReport = JSON.parse(stdout)
    const [target] = report.targets as [TargetReport]
    const [one, two] = targets as [TargetReport, TargetReport]
    expect([schemaErrors(schema, report), report.targets.length]).toEqual([[], 1])
    expect(report).toMatchObject({ reports: 2, client: { threads: 2 }, exitCode: code })
    expect(target).toMatchObject({
      target: 'both',
      answered: 80,
      failed: 0,
      sentBytes: one.sentBytes + two.sentBytes,
      elapsedMs: Math.max(one.elapsedMs, two.elapsedMs),
      settings: { connections: 8, rate: 80 },
      connections: { attempts: 8, closed: { finished: 8 } },
    })
    expect(target.ratePerSecond).toBeCloseTo(80_000 / target.elapsedMs, 2)
    for (const kind of ['fromSend', 'fromIntendedStart'] as const) {
      const union = targets.flatMap(({ latencyMs }) => valuesOf(latencyMs[kind])).sort((a, b) => a - b)
      expect(valuesOf(target.latencyMs[kind])).toEqual(union)
      for (const percentile of [50, 90, 99]) {
        const expected = union[Math.round((percentile / 100) * 80) - 1] ?? Number.NaN
        const actual = target.latencyMs[kind].percentiles[`p${percentile}`] ?? Number.NaN
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(expected / 1_000 + 0.001)
      }
    }
    // Half of all exchanges are those of the slow listener, whose timers of 30 ms may fire a millisecond early.
    expect(target.latencyMs.fromSend.percentiles.p90).toBeGreaterThanOrEqual(29)
  })

  test.each([
    [['--min-rate', '1'], 0],
    [['--max-p99', '1m', '--max-failures', '0'], 0],
    [['--max-p99', '25ms'], 1],
    [['--min-rate', '81'], 1],
  ])('compares the whole with %j', async (flags, expected) => {
    const { code, stdout } = await merge(...files, ...flags)
    expect(code).toBe(expected)
    expect(stdout).toMatch(/^merged from 2 reports\n\nboth {2}open loop, 80\/s fixed, connections 8, depth 1, /)
    expect(stdout).toMatch(expected === 0 ? /^met {2}/m : /^missed {2}/m)
    expect(stdout).toMatch(/^client {2}2 threads, busiest event loop \d+% busy/m)
  })

  test('can be repeated, and writes a histogram', async () => {
    const first = join(folder, 'first.json')
    await writeFile(first, (await merge(String(files[0]), '--report', 'json')).stdout)
    const histogram = join(folder, 'latency.hgrm')
    const { code, stdout } = await merge(first, String(files[1]), '--report', 'json', '--histogram', histogram)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ reports: 2, targets: [{ answered: 80 }] })
    expect(await readFile(histogram, 'utf8')).toMatch(/Total count +=\s+80\]/)
  })

  test('is refused with everything that is wrong', async () => {
    const good = JSON.parse(await readFile(String(files[0]), 'utf8'))
    const write = async (name: string, change: (report: typeof good) => unknown) => {
      const path = join(folder, name)
      await writeFile(path, JSON.stringify(change(structuredClone(good))))
      return path
    }
    const bad = {
      [join(folder, 'missing.json')]: "can't be read: ENOENT",
      [await write('text.json', () => 'text')]: 'not a report of nihao-client load',
      [await write('check.json', () => ({ version: 1, program: 'nihao-client', targets: [{ target: 'a', results: [] }] }))]:
        'not a report of nihao-client load',
      [await write('later.json', report => ({ ...report, version: 2 }))]: 'version 2 of the report: this release reads version 1',
      [await write('damaged.json', report => {
        report.targets[0].latencyMs.fromSend.buckets += ' 1:1'
        return report
      })]: 'incomplete or damaged report',
      [await write('incomplete.json', ({ startedAt: _, ...report }) => report)]: 'incomplete or damaged report',
    }
    await writeFile(join(folder, 'empty.json'), '')
    bad[join(folder, 'empty.json')] = 'not JSON: expected a report written by nihao-client load --report json'
    const { code, stdout, stderr } = await merge(String(files[0]), ...Object.keys(bad))
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.trimEnd().split('\n')).toEqual(Object.entries(bad).map(([path, why]) => `nihao-client: ${path}: ${why}`))

    const deeper = await write('deeper.json', report => {
      report.targets[0].settings.depth = 4
      return report
    })
    const different = await merge(String(files[0]), deeper)
    expect([different.code, different.stderr]).toEqual([2, `nihao-client: ${deeper}: depth of both is 4, but 1 in ${files[0]}\n`])
  })
})

test.each([
  [[], 'no report: expected at least one file written by nihao-client load --report json'],
  [['a.json', 'b.json', 'a.json'], 'a.json is given more than once'],
  [['a.json', '--rate', '5'], '--rate is a setting of load only'],
])('merge %j is refused', async (args, problem) => {
  expect(await merge(...args)).toEqual({ code: 2, stdout: '', stderr: `nihao-client: ${problem}\n` })
})

test('merge --help lists its settings', async () => {
  const { code, stdout } = await merge('--help')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Usage: nihao-client merge \[setting ...\] report ...\n[\s\S]*--max-p99 {2}NIHAO_MAX_P99/)
  expect(stdout).not.toContain('--timeout')
})
