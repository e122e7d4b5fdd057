import type { HistoryWindow } from '../history/history.ts'

/** Combines the figures of several cells, of which there is at least one. */
export type Combine = (values: readonly number[]) => number

export const sum: Combine = values => values.reduce((total, value) => total + value, 0)
export const minimum: Combine = values => values.reduce((least, value) => Math.min(least, value))
export const maximum: Combine = values => values.reduce((most, value) => Math.max(most, value))
export const median: Combine = values => values.toSorted((one, other) => one - other)[values.length >> 1] as number

/** Without the cells before the first one with data, but at least a fifth of the window: a plot of a new process is not empty. */
export function sinceFirst<Name extends string>({ startMs, stepMs, columns }: HistoryWindow<Name>): HistoryWindow<Name> {
  const entries = Object.entries(columns) as [Name, readonly number[]][]
  const cells = entries[0]?.[1].length ?? 0
  const first = Math.min(
    ...entries.map(([, values]) => values.findIndex(value => !Number.isNaN(value))).map(index => (index < 0 ? cells : index)),
  )
  const skipped = Math.min(first, Math.floor(cells * 0.8))
  const rest = Object.fromEntries(entries.map(([name, values]) => [name, values.slice(skipped)]))
  return { startMs: startMs + skipped * stepMs, stepMs, columns: rest as Record<Name, number[]> }
}

/**
 * At most this many longer cells, at times that do not depend on the newest one: only that changes until the next begins.
 * @param combine how to combine the figures of each column; cells without data are left out
 */
export function condense<Name extends string>(
  { startMs, stepMs, columns }: HistoryWindow<Name>,
  cells: number,
  combine: Readonly<Record<Name, Combine>>,
): HistoryWindow<Name> {
  const names = Object.keys(columns) as Name[]
  const available = columns[names[0] as Name].length
  const size = Math.max(1, Math.ceil(available / cells))
  const longMs = stepMs * size
  const newestMs = startMs + (available - 1) * stepMs
  const count = Math.ceil(available / size)
  const firstMs = Math.floor(newestMs / longMs) * longMs - (count - 1) * longMs
  const condensed = names.map(name => {
    const values = columns[name]
    const results = Array.from({ length: count }, (_, index) => {
      const from = Math.round((firstMs + index * longMs - startMs) / stepMs)
      const present = values.slice(Math.max(0, from), Math.max(0, from + size)).filter(value => !Number.isNaN(value))
      return present.length === 0 ? Number.NaN : combine[name](present)
    })
    return [name, results] as const
  })
  return { startMs: firstMs, stepMs: longMs, columns: Object.fromEntries(condensed) as Record<Name, number[]> }
}
