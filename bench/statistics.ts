/** The middle value; for an even number of values, the mean of the two middle ones. Throws if there are none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which this share (0 to 1) of the values lie, interpolated. Throws if there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const low = sorted[Math.floor(position)]
  const high = sorted[Math.ceil(position)]
  if (low === undefined || high === undefined) throw new Error('no values')
  return low + (high - low) * (position - Math.floor(position))
}

/** Figures of a row: for each server the values of all rounds, in order. */
export type Rounds = Map<string, number[]>

/** Adds the value of a round. */
export function record(rounds: Rounds, server: string, value: number): void {
  const values = rounds.get(server)
  if (values === undefined) rounds.set(server, [value])
  else values.push(value)
}

/** Ratio of two servers with its scatter: median and quartiles. */
export type Ratio = { median: number; low: number; high: number }

/** The ratio of `server` to `reference`, taken within each round, so that drift cancels out; `undefined` if either was not measured. */
export function ratioOf(rounds: Rounds, server: string, reference: string): Ratio | undefined {
  const base = rounds.get(reference)
  const ratios = rounds.get(server)?.map((value, round) => value / (base?.[round] ?? Number.NaN))
  if (base === undefined || ratios === undefined) return undefined
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) }
}
