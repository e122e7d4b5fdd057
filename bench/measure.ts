import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { waitForConntrack } from './conntrack.ts'
import { type Generator, holdIdle, type LoadResult, runLoad } from './generator.ts'
import type { RunningServer } from './processes.ts'
import type { Effort, Load } from './workloads.ts'

const settleMs = 1_000
const idleWarmupConnections = 200

/** Runs a load so that a fresh process compiles its hot code. */
export async function warmUp(generator: Generator, server: RunningServer, load: Load, effort: Effort): Promise<void> {
  const bounds = { warmup: 0, seconds: effort.compileSeconds, count: load.compileCount ?? 0 }
  await runLoad(generator, load.mode, server, { ...load.options, ...bounds })
}

/** Measures one server once; rejects if a reply was wrong or missing, or a connection was lost. */
export function measureLoad(generator: Generator, server: RunningServer, load: Load, effort: Effort): Promise<LoadResult> {
  const timing = { warmup: effort.warmupSeconds, seconds: effort.measureSeconds }
  return runLoad(generator, load.mode, server, { ...timing, ...load.options })
}

/** Makes one exchange; rejects with `UnsupportedProtocol` if the server speaks another protocol. */
export async function checkProtocol(generator: Generator, server: RunningServer): Promise<void> {
  await runLoad(generator, 'exchange', server, { connections: 1, warmup: 0, count: 1 })
}

/** Resident bytes per silent connection: the average over all connections, and over those after the first fifth. */
export type IdleResult = { averageBytes: number; furtherBytes: number }

/** Measures silent connections on a server without any other load. */
export async function measureIdle(generator: Generator, server: RunningServer, connections: number): Promise<IdleResult> {
  await waitForConntrack()
  // Code loaded and compiled for the first connections is not a cost per connection.
  await (await holdIdle(generator, server, idleWarmupConnections)).release()
  const before = await residentBytes(server.pid)
  const firstCount = connections / 5
  const first = await holdIdle(generator, server, firstCount)
  const between = await residentBytes(server.pid)
  const rest = await holdIdle(generator, server, connections - firstCount)
  const after = await residentBytes(server.pid)
  await Promise.all([first.release(), rest.release()])
  return { averageBytes: (after - before) / connections, furtherBytes: (after - between) / (connections - firstCount) }
}

async function residentBytes(pid: number): Promise<number> {
  await delay(settleMs)
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (match === null) throw new Error(`no VmRSS in /proc/${pid}/status`)
  return Number(match[1]) * 1024
}
