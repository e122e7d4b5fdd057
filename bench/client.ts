// Compares `nihao-client load`, which checks every byte and measures every latency, with a bare Node client that only counts.
// Usage: npm run bench:client -- [--rounds N]    (default 5; otherwise results.md is not written)
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { buildEchoC, buildServices, temporaryFolder } from './build.ts'
import { loadAverage } from './machine.ts'
import { harnessCore, killAtExit, withServers } from './processes.ts'
import { writeSection } from './results-file.ts'
import { bare } from './servers.ts'
import { median, ratioOf } from './statistics.ts'
import { heading, middleHalf, table } from './tables.ts'

const warmUpSeconds = 2
const measureSeconds = 3
const bareClient = join(import.meta.dirname, 'clients', 'bare-node.mjs')

const workloads = [
  { name: '64 connections × 32 B', connections: 64, depth: 1, size: 32, target: 0.95 },
  { name: '64 connections × 16 pipelined × 32 B', connections: 64, depth: 16, size: 32, target: 0.85 },
  { name: '16 connections × 64 KiB', connections: 16, depth: 1, size: 65_536, target: 0.95 },
]
type Workload = (typeof workloads)[number]

const THREADS = 2
/** 1.8 times as much on two cores, if CPU time is all that limits it. */
const THREADS_TARGET = 0.9

const { values: flags } = parseArgs({ options: { rounds: { type: 'string' } } })
const rounds = Number(flags.rounds ?? 5)
const run = { startedAt: new Date(), loadAverageAtStart: loadAverage() }
const folder = temporaryFolder()
const client = buildServices(join(folder, 'nihao')).client
// The C server is faster than both clients, so that the client is the bottleneck.
const { rows, threadRows } = await withServers([bare('C epoll', [buildEchoC(folder)])], async ([server]) => {
  const port = server?.port ?? 0
  const rows: string[][] = []
  const threadRows: string[][] = []
  for (const workload of workloads) {
    const load = () => measureLoad(port, workload)
    rows.push(await measure(workload.name, { bare: () => measureBare(port, workload), load }, workload.target))
    const threads = () => measureLoad(port, { ...workload, connections: THREADS * workload.connections }, THREADS)
    if (workload.size < 1_024) threadRows.push(await measure(workload.name, { load, threads }, THREADS_TARGET))
  }
  return { rows, threadRows }
})
const markdown = `${heading('npm run bench:client', run)}

Exchanges per second of the client's CPU time (k = 1,000), with a C echo server on the other core; medians of ${rounds} interleaved rounds.

${table(['', 'bare Node', 'nihao-client load', 'ratio', 'middle half of rounds', 'target', ''], rows)}

With \`--threads ${THREADS}\`, each thread has as many connections as the one thread, and both share the core. The rate per CPU second is what each of them adds on a core of its own, so that a ratio of
${THREADS_TARGET} is ${(THREADS * THREADS_TARGET).toFixed(1)} × on ${THREADS} cores.

${table(['', 'one thread', `${THREADS} threads`, 'ratio', 'middle half of rounds', 'target', ''], threadRows)}
`
console.log(markdown)
if (flags.rounds === undefined) writeSection('Client', markdown)

/** Measures two clients in turn. @returns a row with the ratio of the second to the first */
async function measure(
  name: string,
  clients: Readonly<Record<string, () => Promise<number>>>,
  target: number,
): Promise<string[]> {
  const rates = new Map(Object.keys(clients).map(client => [client, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [client, rate] of Object.entries(clients)) rates.get(client)?.push(await rate())
  }
  const [reference = '', measured = ''] = rates.keys()
  const ratio = ratioOf(rates, measured, reference)
  const met = ratio !== undefined && ratio.median >= target
  return [
    name,
    ...[...rates.values()].map(values => `${(median(values) / 1_000).toFixed(1)} k`),
    ratio?.median.toFixed(2) ?? '',
    middleHalf(ratio),
    `≥ ${target.toFixed(2)}`,
    met ? 'met' : '**missed**',
  ]
}

async function measureBare(port: number, { connections, depth, size }: Workload): Promise<number> {
  const args = [port, connections, depth, size, warmUpSeconds, measureSeconds].map(String)
  const { exchanges, cpuSeconds } = (await output([bareClient, ...args])) as Record<string, number>
  return Number(exchanges) / Number(cpuSeconds)
}

async function measureLoad(port: number, { connections, depth, size }: Workload, threads = 1): Promise<number> {
  const options = {
    threads,
    connections,
    depth,
    size: `${size}B`,
    'warm-up': `${warmUpSeconds}s`,
    duration: `${measureSeconds}s`,
    report: 'json',
    timeout: '30s',
  }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const report = await output([client, 'load', `echo://127.0.0.1:${port}`, ...args])
  const { targets, client: usage } = report as { targets: { answered: number }[]; client: { cpuSeconds: number } }
  return Number(targets[0]?.answered) / usage.cpuSeconds
}

async function output(args: readonly string[]): Promise<unknown> {
  const child: ChildProcess = spawn('taskset', ['-c', harnessCore, process.execPath, ...args], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  killAtExit(child)
  const [json] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), once(child, 'close')])
  if (child.exitCode !== 0) throw new Error(`${args.join(' ')}: ${child.signalCode ?? `exit code ${child.exitCode}`}`)
  return JSON.parse(json)
}
