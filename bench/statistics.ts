/** The middle value; of an even number the mean of the two middle ones. Throws for none. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const low = sorted[Math.floor((sorted.length - 1) / 2)]
  const high = sorted[Math.ceil((sorted.length - 1) / 2)]
  if (low === undefined || high === undefined) throw new Error('the median of nothing')
  return (low + high) / 2
}

/** Figures of one row: by server the value of each round, in the order of the rounds. */
export type Rounds = Map<string, number[]>

/** Adds the value of a round. */
export function record(rounds: Rounds, server: string, value: number): void {
  rounds.set(server, [...(rounds.get(server) ?? []), value])
}

/** A server's ratio to the yardstick: each round against the yardstick's figure of the same round, so that drift cancels out. */
export type Ratio = { median: number; lowest: number; highest: number }

/** The ratio of `server` to `yardstick`, or `undefined` when the server was not measured. */
export function ratioOf(rounds: Rounds, server: string, yardstick: string): Ratio | undefined {
  const base = rounds.get(yardstick)
  const ratios = rounds.get(server)?.map((value, round) => value / (base?.[round] ?? Number.NaN))
  if (ratios === undefined || ratios.length === 0) return undefined
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) }
}
