import type { Wait } from './generator.ts'
import { describeMachine } from './machine.ts'
import type { Results } from './rounds.ts'
import { median, type Ratio, type Rounds } from './statistics.ts'
import type { Row } from './workloads.ts'

/** One line: command, date, machine and mode of the load generator. */
export function heading(command: string, run: { startedAt: Date; loadAverageAtStart: number; wait?: Wait }): string {
  const { startedAt, loadAverageAtStart, wait } = run
  const mode = wait === undefined ? [] : [`load generator ${wait === 'spin' ? 'spins' : 'sleeps'}`]
  const load = `load average at start ${loadAverageAtStart.toFixed(2)}`
  return [`\`${command}\``, startedAt.toISOString().slice(0, 10), describeMachine(), load, ...mode].join(' · ')
}

/** A Markdown table; all columns but the first are aligned right. */
export function table(header: string[], rows: string[][]): string {
  const rule = header.map((_, index) => (index === 0 ? '---' : '---:'))
  return [header, rule, ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** Median of a server's figures, with its unit. */
export function figure({ unit }: Row, values: readonly number[]): string {
  const value = median(values)
  if (unit === 'rate') return `${(value / 1_000).toFixed(1)} k`
  if (unit === 'time') return `${(value * 1e6).toFixed(1)} µs`
  return `${Math.round(value).toLocaleString('en')} B`
}

/** The quartiles of a ratio. */
export function middleHalf(ratio: Ratio | undefined): string {
  return ratio === undefined ? '' : `${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}`
}

/** Shares of their cores used by the measured processes; other work on the machine reduces them. */
export function shares({ kinds, serverShares, generatorShares, wait }: Results): string {
  if (generatorShares.length === 0) return ''
  const servers = kinds.map(({ name }) => `${name} ${lowest(serverShares, name)}`).join(', ')
  const generator = wait === 'spin' ? `, load generator ${range(generatorShares)}` : ''
  return `Share of its core that each process used, median (lowest): ${servers}${generator}.
Lower shares come from other work on the machine, or from a server that was faster than the load generator.\n`
}

function lowest(shares: Rounds, name: string): string {
  const values = shares.get(name)
  return values === undefined ? 'not measured' : range(values)
}

function range(values: readonly number[]): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`
  return `${percent(median(values))} (${percent(Math.min(...values))})`
}

/** Why some servers are missing. */
export function skippedNote({ skipped }: Results): string {
  return skipped.length === 0 ? '' : `Not measured: ${skipped.join('; ')}.\n`
}

/** How the figures were measured. */
export function method({ effort, wait, loads, idle }: Results): string {
  const { generations, compileSeconds, roundsPerGeneration, warmupSeconds, measureSeconds, idleConnections, idleRounds } = effort
  const waiting =
    wait === 'spin'
      ? 'It polls without sleeping, so that no server pays for waking it'
      : 'It sleeps in epoll_wait, so that a server that is slower than the load also pays for waking it'
  const load = `The load generator (C, one thread) checks every byte of every reply, for probe also ids and crc32. ${waiting}.
Rounds: ${generations} × ${roundsPerGeneration}, each set on fresh processes, which run every row for ${compileSeconds} s first. In each round, every server in turn gets
${warmupSeconds} s of warm-up and up to ${measureSeconds} s of measured load per row. CPU time is user + system time of all threads of the server (utime + stime of
/proc/PID/stat, at the resolution of its CPU clock). A pipelined line counts as one exchange. nihao runs with the Node options of its image
and with its default metrics, limits and log; bare Node has no options.
Its log goes to a pipe that is read on the other core; nothing scrapes it.`
  const memory = `Memory: growth of VmRSS of a fresh process with ${idleConnections.toLocaleString('en')} connections that stay silent and finally make one exchange each;
rounds: ${idleRounds}. Kernel memory is not included.`
  return `Figures are medians. Ratios are taken within each round. *bare Node again* is the same program as *bare Node*: its ratio is noise.
${[...(loads.length > 0 ? [load] : []), ...(idle ? [memory] : [])].join('\n')}`
}
