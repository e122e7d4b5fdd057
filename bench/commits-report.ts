import type { Results } from './rounds.ts'
import { bareNode, bareNodeAgain, protocols } from './servers.ts'
import { type Rounds, ratioOf } from './statistics.ts'
import { figure, heading, method, middleHalf, shares, skippedNote, table } from './tables.ts'
import type { Row } from './workloads.ts'

/** The comparison of two commits, in Markdown. */
export function commitsReport(command: string, commits: { before: string; after: string }, results: Results): string {
  const pairs = protocols.map(protocol => ({
    title: protocol as string,
    before: `${protocol} before`,
    after: `${protocol} after`,
  }))
  const noise = { title: 'bare Node', before: bareNode.name, after: bareNodeAgain.name }
  const lines = [...pairs, noise].flatMap(pair => [...results.rows].flatMap(([row, rounds]) => pairRow(row, rounds, pair)))
  return `${heading(command, results)}

Before: ${commits.before}, after: ${commits.after}. Exchanges per second of the server's CPU time (k = 1,000; higher is better), or CPU time or resident
memory per connection (lower is better); in brackets the ratio to bare Node. The rows of bare Node compare it with itself: they show the noise.

${table(['', 'before', 'after', 'after ÷ before', 'middle half of rounds'], lines)}

${shares(results)}${skippedNote(results)}
${method(results)}
`
}

function pairRow(row: Row, rounds: Rounds, pair: { title: string; before: string; after: string }): string[][] {
  const ratio = ratioOf(rounds, pair.after, pair.before)
  if (ratio === undefined) return []
  const cell = (server: string) =>
    `${figure(row, rounds.get(server) ?? [])} (${ratioOf(rounds, server, bareNode.name)?.median.toFixed(2)})`
  return [[`${pair.title}: ${row.name}`, cell(pair.before), cell(pair.after), ratio.median.toFixed(3), middleHalf(ratio)]]
}
