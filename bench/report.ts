import { describeMachine } from './machine.ts'
import type { Effort, Workload } from './measure.ts'
import type { ServerKind } from './servers.ts'
import { median, type Ratio, type Rounds, ratioOf } from './statistics.ts'

/** Everything a run has seen. */
export type Results = {
  startedAt: Date
  loadAverageAtStart: number
  effort: Effort
  kinds: ServerKind[]
  /** Exchanges per server CPU-second, or CPU seconds of the server per unit. */
  work: Map<Workload, Rounds>
  /** Resident bytes per idle connection, on average. */
  idle: Rounds
  /** The same for those after the first fifth. */
  idleFurther: Rounds
  /** Share of its core that the server used, by server. */
  busy: Rounds
}

/** How a row is written, and what ratio to bare Node it has to reach. */
type Goal = { text: (value: number) => string; comparison: '≥' | '≤'; echoBound: number; greetBound: number }
type Row = Goal & { name: string; rounds: Rounds }

const yardstick = 'bare Node'
const twin = 'bare Node again'

const rate: Goal = { text: value => `${(value / 1000).toFixed(1)} k`, comparison: '≥', echoBound: 0.95, greetBound: 0.9 }
const time: Goal = { text: value => `${(value * 1e6).toFixed(0)} µs`, comparison: '≤', echoBound: 1.3, greetBound: 1.3 }
const memory: Goal = { text: value => `${withCommas(value)} B`, comparison: '≤', echoBound: 1.5, greetBound: 1.5 }

/** The whole report in Markdown. */
export function report(results: Results): string {
  const { kinds, busy } = results
  const rows = rowsOf(results)
  return `# Benchmark

${results.startedAt.toISOString().slice(0, 10)} · ${describeMachine()} · load average at start ${results.loadAverageAtStart.toFixed(2)}

Exchanges per second of the server's CPU time (k = thousand; more is better), then CPU time and resident memory per connection (less is
better); in brackets the ratio to bare Node.

| | ${kinds.map(kind => kind.name).join(' | ')} |
|---|${'---:|'.repeat(kinds.length)}
${rows.map(row => figuresRow(row, kinds)).join('\n')}

| ratio to bare Node | target | median | lowest – highest round | bare Node to itself | |
|---|---:|---:|---:|---:|---|
${rows.map(row => targetRow(row, 'nihao echo', row.echoBound)).join('\n')}
${rows.map(row => targetRow(row, 'nihao greet', row.greetBound)).join('\n')}

Share of its core that a server used, median (lowest): ${kinds.map(kind => busyShare(kind, busy)).join(', ')}.
Far below 100 % in the lowest means that other work on the machine kept the server or the load waiting; such a run is noisier.

${method(results.effort)}
`
}

function rowsOf({ work, idle, idleFurther, effort }: Results): Row[] {
  return [
    ...[...work].map(([{ name, unit }, rounds]) => ({ name, rounds, ...(unit === 'rate' ? rate : time) })),
    { name: `${withCommas(effort.idleConnections)} idle connections, each`, rounds: idle, ...memory },
    { name: 'each of them after the first fifth', rounds: idleFurther, ...memory },
  ]
}

function figuresRow({ name, rounds, text }: Row, kinds: ServerKind[]): string {
  const cells = kinds.map(kind => {
    const values = rounds.get(kind.name)
    if (values === undefined) return kind.command === undefined ? 'toolchain missing' : 'not measured'
    return `${text(median(values))} (${ratioOf(rounds, kind.name, yardstick)?.median.toFixed(2)})`
  })
  return `| ${name} | ${cells.join(' | ')} |`
}

function targetRow({ name, rounds, comparison }: Row, server: string, bound: number): string {
  const ratio = ratioOf(rounds, server, yardstick)
  const reached = ratio !== undefined && (comparison === '≥' ? ratio.median >= bound : ratio.median <= bound)
  const cells = [
    `${server}: ${name}`,
    `${comparison} ${bound.toFixed(2)}`,
    ratio?.median.toFixed(2) ?? 'not measured',
    range(ratio),
    range(ratioOf(rounds, twin, yardstick)),
    reached ? 'reached' : '**missed**',
  ]
  return `| ${cells.join(' | ')} |`
}

function range(ratio: Ratio | undefined): string {
  return ratio === undefined ? '' : `${ratio.lowest.toFixed(2)} – ${ratio.highest.toFixed(2)}`
}

function busyShare(kind: ServerKind, busy: Rounds): string {
  const values = busy.get(kind.name)
  return `${kind.name} ${values === undefined ? 'not measured' : `${percent(median(values))} (${percent(Math.min(...values))})`}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function withCommas(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function method(effort: Effort): string {
  const { generations, compileSeconds, roundsPerGeneration, warmupSeconds, measureSeconds, idleConnections, idleRounds } = effort
  return `How it was measured: \`npm run bench\`. Each server alone on one core; the load generator (C, one thread, compares every byte of
every reply) and the harness on the other. Rounds: ${generations} × ${roundsPerGeneration}, each set on fresh processes, which get ${compileSeconds} s of every row first. In
a round every server in turn, in an order that rotates, gets ${warmupSeconds} s of warm-up and ${measureSeconds} s of measured load per row. CPU time is
user + system of all threads of the server, read at both ends of the measured time. Figures are medians of the rounds; a ratio is taken
within its round, then the median of them. Pipelined lines count one each. *bare Node again* is the same program as *bare Node*: what
it differs by is noise. nihao runs with metrics, limits and log at their defaults; every server's standard output is a pipe that is
drained on the other core, as in a container; nobody scrapes meanwhile. Memory: growth of VmRSS over ${withCommas(idleConnections)} connections that
send nothing until, at the end, each proves that it still answers; fresh processes: ${idleRounds}, median. What the kernel keeps per connection is
not in it. A heap that has grown at start takes the first connections for nothing, hence the second memory row.`
}
