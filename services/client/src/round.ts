/** Rounds to three decimals: a duration in ms to the microsecond. */
export const round = (value: number): number => Math.round(value * 1_000) / 1_000
