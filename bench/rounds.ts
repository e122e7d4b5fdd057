import { type Generator, UnsupportedProtocol, type Wait } from './generator.ts'
import { loadAverage } from './machine.ts'
import { checkProtocol, measureIdle, measureLoad, warmUp } from './measure.ts'
import { type RunningServer, withServers } from './processes.ts'
import type { ServerKind } from './servers.ts'
import { type Rounds, record } from './statistics.ts'
import { type Effort, idleRows, type Load, type Row } from './workloads.ts'

/** What to measure. */
export type Plan = { kinds: ServerKind[]; loads: Load[]; idle: boolean; effort: Effort }

/** All figures of a run. */
export type Results = Plan & {
  startedAt: Date
  loadAverageAtStart: number
  wait: Wait
  /** Why some servers were not measured. */
  skipped: string[]
  rows: Map<Row, Rounds>
  /** Share of its core that a server used, by server. */
  serverShares: Rounds
  generatorShares: number[]
}

/** Measures all servers in interleaved rounds, so that other work on the machine affects all of them equally. */
export async function measureAll(plan: Plan, generator: Generator): Promise<Results> {
  const { effort, loads, idle } = plan
  const skipped: string[] = []
  const loadAverageAtStart = loadAverage()
  const kinds = await supportedKinds(plan.kinds, generator, skipped)
  const rows = new Map<Row, Rounds>([...loads, ...(idle ? Object.values(idleRows) : [])].map(row => [row, new Map()]))
  const results: Results = {
    ...plan,
    kinds,
    startedAt: new Date(),
    loadAverageAtStart,
    wait: generator.wait,
    skipped,
    rows,
    serverShares: new Map(),
    generatorShares: [],
  }
  for (let round = 0; idle && round < effort.idleRounds; round++) {
    for (const kind of inTurn(kinds, round)) {
      progress(`idle connections, round ${round + 1} of ${effort.idleRounds}: ${kind.name}`)
      // A fresh process, because connections would reuse memory freed by earlier work.
      await withServers([kind], servers => measureIdleOf(servers, generator, results))
    }
  }
  for (let generation = 0; loads.length > 0 && generation < effort.generations; generation++) {
    await withServers(kinds, servers => measureGeneration(servers, generation, generator, results))
  }
  return results
}

async function supportedKinds(kinds: ServerKind[], generator: Generator, skipped: string[]): Promise<ServerKind[]> {
  const supported: ServerKind[] = []
  for (const kind of kinds) {
    if (kind.command === undefined) {
      skipped.push(`${kind.name}: toolchain missing`)
      continue
    }
    try {
      await withServers([kind], async servers => {
        for (const server of servers) await checkProtocol(generator, server)
      })
      supported.push(kind)
    } catch (error) {
      if (!(error instanceof UnsupportedProtocol)) throw error
      skipped.push(error.message)
    }
  }
  return supported
}

async function measureIdleOf(servers: RunningServer[], generator: Generator, { effort, rows }: Results): Promise<void> {
  for (const server of servers) {
    const { averageBytes, furtherBytes } = await measureIdle(generator, server, effort.idleConnections)
    record(roundsOf(rows, idleRows.average), server.kind.name, averageBytes)
    record(roundsOf(rows, idleRows.further), server.kind.name, furtherBytes)
  }
}

// All servers of a generation are running, but only one at a time has a load.
async function measureGeneration(
  servers: RunningServer[],
  generation: number,
  generator: Generator,
  results: Results,
): Promise<void> {
  const { loads, effort, rows, serverShares, generatorShares } = results
  const step = `load, processes ${generation + 1} of ${effort.generations}`
  progress(`${step}: compiling`)
  for (const load of loads) {
    for (const server of servers) if (applies(load, server)) await warmUp(generator, server, load, effort)
  }
  for (let round = 0; round < effort.roundsPerGeneration; round++) {
    progress(`${step}: round ${round + 1} of ${effort.roundsPerGeneration}`)
    for (const [index, load] of loads.entries()) {
      for (const server of inTurn(servers, round + index)) {
        if (!applies(load, server)) continue
        const result = await measureLoad(generator, server, load, effort)
        const { done, seconds, serverCpuSeconds, generatorCpuSeconds } = result
        record(roundsOf(rows, load), server.kind.name, load.unit === 'rate' ? done / serverCpuSeconds : serverCpuSeconds / done)
        record(serverShares, server.kind.name, serverCpuSeconds / seconds)
        generatorShares.push(generatorCpuSeconds / seconds)
      }
    }
  }
}

function roundsOf(rows: Results['rows'], row: Row): Rounds {
  const rounds = rows.get(row)
  if (rounds === undefined) throw new Error(`${row.name}: not in this run`)
  return rounds
}

// Churn would need a non-blocking read of HELLO, which the load generator does not support.
function applies(load: Load, { kind }: RunningServer): boolean {
  return !(load.mode === 'churn' && kind.protocol === 'probe')
}

// The order rotates and alternates in direction, so that no server always follows the same other server.
function inTurn<T>(list: T[], step: number): T[] {
  const start = step % list.length
  const rotated = [...list.slice(start), ...list.slice(0, start)]
  return step % 2 === 0 ? rotated : rotated.reverse()
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}
