import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { waitForConntrack } from './conntrack.ts'
import { harnessCore, type RunningServer } from './servers.ts'

/** One kind of work given to every server. `cost` is what one unit of it costs, `rate` what a CPU-second of the server does. */
export type Workload = {
  name: string
  unit: 'rate' | 'cost'
  mode: 'exchange' | 'churn'
  options: Record<string, number>
  /** What bounds the first load on a fresh process, besides its time. */
  compileCount?: number
}

/** How much is measured. A generation is a set of fresh server processes: equal processes differ too, by layout and compilation. */
export type Effort = {
  generations: number
  /** For the first load of each kind on a fresh process, which is not measured. */
  compileSeconds: number
  roundsPerGeneration: number
  warmupSeconds: number
  measureSeconds: number
  idleRounds: number
  idleConnections: number
}

/** What the load generator saw; CPU times are those within the measured time. */
export type LoadResult = { done: number; seconds: number; serverCpuSeconds: number; generatorCpuSeconds: number }

const churn = { connections: 32, size: 32, warmup: 0.02, count: 1_200 }

/** The rows of the table. Churn is bounded in count as well: the kernel remembers each closed connection for a minute or two. */
export const workloads: Workload[] = [
  { name: '64 connections × 32 B', unit: 'rate', mode: 'exchange', options: { connections: 64, size: 32 } },
  {
    name: '64 connections × 16 pipelined × 32 B',
    unit: 'rate',
    mode: 'exchange',
    options: { connections: 64, depth: 16, size: 32 },
  },
  { name: '64 connections × 1 KiB', unit: 'rate', mode: 'exchange', options: { connections: 64, size: 1024 } },
  { name: '16 connections × 64 KiB', unit: 'rate', mode: 'exchange', options: { connections: 16, size: 65_536 } },
  { name: 'connect, exchange, close', unit: 'cost', mode: 'churn', options: churn, compileCount: 8_000 },
]

const settleMs = 1_000
const idleWarmupConnections = 200

/** Gives a fresh process the time to compile what the workload needs. */
export async function warmUp(load: string, server: RunningServer, workload: Workload, effort: Effort): Promise<void> {
  const bounds = { warmup: 0, seconds: effort.compileSeconds, count: workload.compileCount ?? 0 }
  await runLoad(load, server, workload, bounds)
}

/** Measures one server once; rejects when a reply was wrong, a connection was lost or nothing came. */
export async function measureLoad(load: string, server: RunningServer, workload: Workload, effort: Effort): Promise<LoadResult> {
  const timing = { warmup: effort.warmupSeconds, seconds: effort.measureSeconds }
  return runLoad(load, server, workload, { ...timing, ...workload.options })
}

async function runLoad(
  load: string,
  server: RunningServer,
  { mode, options }: Workload,
  bounds: Record<string, number>,
): Promise<LoadResult> {
  if (mode === 'churn') await waitForConntrack()
  const [line] = await startLoad(load, mode, server, { ...options, ...bounds, pid: server.pid }).ended
  return JSON.parse(line ?? '') as LoadResult
}

/** Resident bytes that one silent connection costs the server: on average over all of them, and each one after the first fifth. */
export type IdleResult = { averageBytes: number; furtherBytes: number }

/**
 * Measures silent connections on a server that has done nothing else. The average holds what the first connections make the heap grow
 * by; a server whose heap has grown at its start gets those for nothing, so the further ones are told as well.
 */
export async function measureIdle(load: string, server: RunningServer, connections: number): Promise<IdleResult> {
  await waitForConntrack()
  // What the first connections load and compile is not what a connection costs.
  await (await holdIdle(load, server, idleWarmupConnections)).release()
  const before = await residentBytes(server.pid)
  const firstCount = connections / 5
  const first = await holdIdle(load, server, firstCount)
  const between = await residentBytes(server.pid)
  const rest = await holdIdle(load, server, connections - firstCount)
  const after = await residentBytes(server.pid)
  await Promise.all([first.release(), rest.release()])
  return { averageBytes: (after - before) / connections, furtherBytes: (after - between) / (connections - firstCount) }
}

// Resolves when the server has accepted all. To release them makes sure first that every one of them still answers.
async function holdIdle(load: string, server: RunningServer, connections: number): Promise<{ release: () => Promise<unknown> }> {
  const generator = startLoad(load, 'idle', server, { connections })
  await Promise.race([generator.firstLine, generator.ended])
  const release = () => {
    generator.process.stdin?.end()
    return generator.ended
  }
  return { release }
}

async function residentBytes(pid: number): Promise<number> {
  await delay(settleMs)
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`no VmRSS in /proc/${pid}/status`)
  return Number(match[1]) * 1024
}

type Generator = { process: ChildProcess; firstLine: Promise<void>; ended: Promise<string[]> }

function startLoad(load: string, mode: string, server: RunningServer, options: Record<string, number>): Generator {
  const settings = Object.entries({ port: server.port, ...options }).map(([name, value]) => `${name}=${value}`)
  const command = ['-c', harnessCore, load, mode, ...settings, `prefix=${server.kind.greeting ?? ''}`]
  const child = spawn('taskset', command, { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  const firstLine = new Promise<void>(resolve => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve()
    })
  })
  const ended = new Promise<string[]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(text.trimEnd().split('\n'))
      else reject(new Error(`${server.kind.name}: load ${command.slice(3).join(' ')} ended with ${signal ?? `code ${code}`}`))
    })
  })
  return { process: child, firstLine, ended }
}
