import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPrograms, type Programs } from './build.ts'
import { loadAverage } from './machine.ts'
import { type Effort, measureIdle, measureLoad, warmUp, workloads } from './measure.ts'
import { type Results, report } from './report.ts'
import { harnessCore, type RunningServer, type ServerKind, serverKinds, startServer } from './servers.ts'
import { record } from './statistics.ts'

const fullEffort: Effort = {
  generations: 2,
  compileSeconds: 1,
  roundsPerGeneration: 8,
  warmupSeconds: 0.1,
  measureSeconds: 0.4,
  idleRounds: 2,
  idleConnections: 10_000,
}
const quickEffort: Effort = {
  ...fullEffort,
  generations: 1,
  compileSeconds: 0.5,
  roundsPerGeneration: 3,
  idleRounds: 1,
  idleConnections: 5_000,
}

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
if (availableParallelism() < 2) throw new Error('two cores are needed: one for the server, one for the load')

const folder = mkdtempSync(join(tmpdir(), 'nihao-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const programs = buildPrograms(folder)
execFileSync('taskset', ['-cp', harnessCore, String(process.pid)], { stdio: 'ignore' })
const markdown = report(await measureAll(programs, flags.quick ? quickEffort : fullEffort))
console.log(markdown)
if (!flags.quick) writeFileSync(join(import.meta.dirname, 'results.md'), markdown)

async function measureAll(programs: Programs, effort: Effort): Promise<Results> {
  const kinds = serverKinds(programs)
  const work = new Map(workloads.map(workload => [workload, new Map<string, number[]>()]))
  const results: Results = {
    startedAt: new Date(),
    loadAverageAtStart: loadAverage(),
    effort,
    kinds,
    work,
    idle: new Map(),
    idleFurther: new Map(),
    busy: new Map(),
  }
  const present = kinds.filter(kind => kind.command !== undefined)
  for (let round = 0; round < effort.idleRounds; round++) {
    for (const kind of rotated(present, round)) {
      progress(`idle connections, round ${round + 1} of ${effort.idleRounds}: ${kind.name}`)
      await measureIdleOf(programs.load, kind, results)
    }
  }
  for (let generation = 0; generation < effort.generations; generation++) {
    await withServers(present, servers => measureGeneration(programs.load, servers, generation, results))
  }
  return results
}

// A process of its own: memory that other work has left behind would hide what the connections take.
async function measureIdleOf(load: string, kind: ServerKind, results: Results): Promise<void> {
  const server = await startServer(kind)
  try {
    const { averageBytes, furtherBytes } = await measureIdle(load, server, results.effort.idleConnections)
    record(results.idle, kind.name, averageBytes)
    record(results.idleFurther, kind.name, furtherBytes)
  } finally {
    await server.stop()
  }
}

// All servers of a generation run side by side, but only one at a time has work. Many short measurements that take turns, so that
// what else happens on the machine meets all servers alike.
async function measureGeneration(load: string, servers: RunningServer[], generation: number, results: Results): Promise<void> {
  const { generations, roundsPerGeneration } = results.effort
  progress(`load, processes ${generation + 1} of ${generations}: compile`)
  for (const workload of results.work.keys()) {
    for (const server of servers) await warmUp(load, server, workload, results.effort)
  }
  for (let round = 0; round < roundsPerGeneration; round++) {
    progress(`load, processes ${generation + 1} of ${generations}: round ${round + 1} of ${roundsPerGeneration}`)
    let step = round
    for (const [workload, rounds] of results.work) {
      for (const server of rotated(servers, step++)) {
        const { done, seconds, serverCpuSeconds } = await measureLoad(load, server, workload, results.effort)
        record(rounds, server.kind.name, workload.unit === 'rate' ? done / serverCpuSeconds : serverCpuSeconds / done)
        record(results.busy, server.kind.name, serverCpuSeconds / seconds)
      }
    }
  }
}

async function withServers<T>(kinds: ServerKind[], action: (servers: RunningServer[]) => Promise<T>): Promise<T> {
  const servers: RunningServer[] = []
  try {
    for (const kind of kinds) servers.push(await startServer(kind))
    return await action(servers)
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

// Nobody always goes first, or always after the same neighbour's cache and clock state.
function rotated<T>(list: T[], by: number): T[] {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}
