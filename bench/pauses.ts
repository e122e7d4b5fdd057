// Measures memory and the longest pauses of the server's event loop with up to 19,000 connections, and with 100,000 simulated ones.
// Usage: npm run bench:pauses -- [--against REF]
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { buildGenerator, buildServices, checkOut, resolveCommit, type Services, temporaryFolder } from './build.ts'
import { waitForConntrack } from './conntrack.ts'
import { type Generator, holdIdle } from './generator.ts'
import { loadAverage } from './machine.ts'
import { harnessCore, killAtExit, serverCore } from './processes.ts'
import { writeSection } from './results-file.ts'
import { nihao } from './servers.ts'
import { heading, table } from './tables.ts'

const counts = [1_000, 10_000, 19_000]
const simulatedCount = 100_000
const settleMs = 3_000
const silenceMs = 10_000
const requests = 10
const holdSeconds = 600

type Pause = { wallMs: number; cpuMs: number }
type Phase = keyof typeof phases
type Row = { count: number; residentBytes: number; scrapeMs: number; pauses: Record<Phase, Pause> }

const phases = {
  silence: () => delay(silenceMs),
  '`/metrics`': (admin: string) => repeat(`${admin}/metrics`),
  '`/connections`': (admin: string) => repeat(`${admin}/connections`),
  '`/connections?limit=1000000`': (admin: string) => repeat(`${admin}/connections?limit=1000000`),
}

const { values: flags } = parseArgs({ options: { against: { type: 'string' } } })
const folder = temporaryFolder()
const generator: Generator = { program: buildGenerator(folder), wait: 'sleep' }
const run = { startedAt: new Date(), loadAverageAtStart: loadAverage() }
const after = buildServices(join(folder, 'after'))
const builds = [{ name: '', services: after }]
if (flags.against !== undefined) {
  const commit = resolveCommit(flags.against)
  if (commit === undefined) throw new Error(`unknown commit "${flags.against}"`)
  const before = buildServices(join(folder, 'before'), checkOut(commit, join(folder, 'source')))
  builds.unshift({ name: `Before (${commit}):\n\n`, services: before })
  builds[1] = { name: 'After:\n\n', services: after }
}
execFileSync('taskset', ['-cp', harnessCore, String(process.pid)], { stdio: 'ignore' })
const command = ['npm run bench:pauses', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ')
const tables: string[] = []
for (const { name, services } of builds) tables.push(`${name}${tableOf(await measure(services))}`)
const simulated = await simulate()
const markdown = `${heading(command, run)}

Memory of one process with silent connections on \`echo\`, and the longest pause of its event loop while nothing happens but sweeps and
samples of the history, and while a page is requested ${requests} times: CPU time of the main thread, in brackets wall-clock time, which
includes what other processes take of the core.

${tables.join('\n\n')}

With ${simulatedCount.toLocaleString('en')} simulated connections: ${simulated}.
`
console.log(markdown)
writeSection('Many connections', markdown)
process.exit(0)

async function measure(services: Services): Promise<Row[]> {
  const server = await start(services)
  const rows: Row[] = []
  const held: { release: () => Promise<unknown> }[] = []
  let open = 0
  for (const count of counts) {
    process.stderr.write(`bench: ${count} connections\n`)
    await waitForConntrack()
    held.push(await holdIdle(generator, server.running, count - open, holdSeconds))
    open = count
    await delay(settleMs)
    const residentBytes = residentBytesOf(server.running.pid)
    const startMs = performance.now()
    await (await fetch(`${server.admin}/metrics`)).text()
    const scrapeMs = performance.now() - startMs
    const pauses = {} as Record<Phase, Pause>
    for (const phase of Object.keys(phases) as Phase[])
      pauses[phase] = await server.pauseDuring(() => phases[phase](server.admin))
    rows.push({ count, residentBytes, scrapeMs, pauses })
  }
  await Promise.all(held.map(({ release }) => release()))
  await server.running.stop()
  return rows
}

async function start(services: Services) {
  const kind = nihao('nihao', 'echo', services)
  const adminPort = await freePort()
  const environment = { NIHAO_ADMIN_PORT: `${adminPort}`, NIHAO_MAX_CONNECTIONS: '0', LOOP_PAUSES: 'ipc' }
  const child = fork(services.server, {
    execPath: 'taskset',
    execArgv: [
      '-c',
      serverCore,
      process.execPath,
      ...services.serverOptions,
      '--import',
      join(import.meta.dirname, 'loop-pauses.mjs'),
    ],
    env: { ...process.env, ...kind.environment, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  killAtExit(child)
  await once(child, 'message')
  const admin = `http://127.0.0.1:${adminPort}`
  const { listeners } = (await (await fetch(`${admin}/connections`)).json()) as {
    listeners: { listener: string; address: { port: number } }[]
  }
  const port = listeners.find(({ listener }) => listener.startsWith('echo:'))?.address.port ?? 0
  const stop = async () => void child.kill('SIGKILL')
  const pauseDuring = async (action: () => Promise<unknown>): Promise<Pause> => {
    child.send('start')
    await action()
    child.send('stop')
    const [{ pauses }] = (await once(child, 'message')) as [{ pauses: Pause }]
    return pauses
  }
  return { admin, running: { kind, pid: child.pid ?? 0, port, stop }, pauseDuring }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function repeat(url: string): Promise<void> {
  for (let request = 0; request < requests; request++) {
    await (await fetch(url)).text()
    await delay(100)
  }
}

function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

function tableOf(rows: Row[]): string {
  const [first] = rows
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0)
  return table(
    [
      'connections',
      'resident memory',
      'per further connection',
      'one scrape takes',
      ...Object.keys(phases).map(each => `pause: ${each}`),
    ],
    rows.map(({ count, residentBytes, scrapeMs, pauses }) => [
      count.toLocaleString('en'),
      `${mebibytes(residentBytes)} MiB`,
      first === undefined || first.count === count
        ? ''
        : `${Math.round((residentBytes - first.residentBytes) / (count - first.count)).toLocaleString('en')} B`,
      `${scrapeMs.toFixed(0)} ms`,
      ...Object.values(pauses).map(pauseText),
    ]),
  )
}

async function simulate(): Promise<string> {
  process.stderr.write(`bench: ${simulatedCount} simulated connections\n`)
  const script = join(import.meta.dirname, 'simulated-connections.ts')
  const output = execFileSync('taskset', ['-c', serverCore, process.execPath, '--conditions=source', script, `${simulatedCount}`])
  const pauses = JSON.parse(output.toString()) as Record<string, Pause>
  return Object.entries(pauses)
    .map(([name, pause]) => `${name} ${pauseText(pause)}`)
    .join(', ')
}

function pauseText({ cpuMs, wallMs }: Pause): string {
  return `${cpuMs.toFixed(1)} ms (${wallMs.toFixed(1)})`
}
