import type { Results } from './rounds.ts'
import { bareNode, bareNodeAgain, type Protocol, protocols } from './servers.ts'
import { type Rounds, ratioOf } from './statistics.ts'
import { figure, heading, method, middleHalf, shares, skippedNote, table } from './tables.ts'
import type { Row } from './workloads.ts'

/** The comparison of nihao with bare Node, Go and C, in Markdown. */
export function serversReport(command: string, results: Results): string {
  const { kinds, rows } = results
  const figures = [...rows].map(([row, rounds]) => [row.name, ...kinds.map(kind => cell(row, rounds, kind.name))])
  const targets = protocols.flatMap(protocol => [...rows].flatMap(([row, rounds]) => targetRow(row, rounds, protocol)))
  return `${heading(command, results)}

Exchanges per second of the server's CPU time (k = 1,000; higher is better), then CPU time and resident memory per connection (lower is
better); in brackets the ratio to bare Node.

${table(['', ...kinds.map(kind => kind.name)], figures)}

${table(['ratio to bare Node', 'target', 'median', 'middle half of rounds', 'bare Node again', ''], targets)}

${shares(results)}${skippedNote(results)}
${method(results)}
`
}

function cell(row: Row, rounds: Rounds, server: string): string {
  const values = rounds.get(server)
  const ratio = ratioOf(rounds, server, bareNode.name)
  return values === undefined || ratio === undefined ? '–' : `${figure(row, values)} (${ratio.median.toFixed(2)})`
}

function targetRow(row: Row, rounds: Rounds, protocol: Protocol): string[][] {
  const target = row.targets[protocol]
  const ratio = ratioOf(rounds, `nihao ${protocol}`, bareNode.name)
  if (target === undefined || ratio === undefined) return []
  const higherIsBetter = row.unit === 'rate'
  const met = higherIsBetter ? ratio.median >= target : ratio.median <= target
  return [
    [
      `${protocol}: ${row.name}`,
      `${higherIsBetter ? '≥' : '≤'} ${target.toFixed(2)}`,
      ratio.median.toFixed(2),
      middleHalf(ratio),
      middleHalf(ratioOf(rounds, bareNodeAgain.name, bareNode.name)),
      met ? 'met' : '**missed**',
    ],
  ]
}
