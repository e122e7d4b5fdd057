/** Fewer, longer cells: each result comes from `size` cells, the last one from the newest. NaN stands for no data. */
export function condense(values: readonly number[], size: number, combine: (values: readonly number[]) => number): number[] {
  const results = []
  for (let end = values.length; end > 0; end -= size) {
    const present = values.slice(Math.max(0, end - size), end).filter(value => !Number.isNaN(value))
    results.push(present.length === 0 ? Number.NaN : combine(present))
  }
  return results.reverse()
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
export const minimum = (values: readonly number[]): number => values.reduce((least, value) => Math.min(least, value))
export const maximum = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value))
export const average = (values: readonly number[]): number => sum(values) / values.length
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
