import { type Distribution, percentiles } from './distribution.ts'

/** One column per figure, right-aligned. */
export function table(rows: readonly [string, Distribution][]): string[] {
  const names = percentiles.map(percentile => `p${percentile}`)
  const cells = [
    ['ms', 'min', 'mean', ...names, 'max'],
    ...rows.map(([name, distribution]) => {
      const { min, mean, max } = distribution
      return [
        name,
        ...[min, mean, ...names.map(name => distribution.percentiles[name] ?? null), max].map(value => value?.toFixed(3) ?? '-'),
      ]
    }),
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0))) ?? []
  return cells.map(
    row =>
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`,
  )
}

/** Counts by reason. */
export function counts(byReason: Readonly<Record<string, number>>): string {
  const words = Object.entries(byReason).map(([reason, count]) => `${reason} ${count}`)
  return words.length === 0 ? ' none' : `  ${words.join(', ')}`
}
