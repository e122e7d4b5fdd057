/** One figure of a cell. */
export type Column =
  /** Of a counter, a cell holds the increase. */
  | { readonly kind: 'counter'; readonly bytes: 4 | 8 }
  /** Of a level, such as open connections, a cell holds the highest. */
  | { readonly kind: 'level'; readonly bytes: 4 | 8 }
  /** A percentile of recorded durations, ms. */
  | { readonly kind: 'percentile'; readonly share: number; readonly bytes: 4 }

/** The figures of each cell by name, in the order in which they are stored. */
export type Columns<Name extends string = string> = Readonly<Record<Name, Column>>

export const counter: Column = { kind: 'counter', bytes: 4 }
export const level: Column = { kind: 'level', bytes: 4 }
/** For figures above 2^32. */
export const largeCounter: Column = { kind: 'counter', bytes: 8 }
export const largeLevel: Column = { kind: 'level', bytes: 8 }
/** @param share from 0 to 1 */
export const percentile = (share: number): Column => ({ kind: 'percentile', share, bytes: 4 })

/** The size of a cell. */
export const cellBytes = (columns: Columns): number => Object.values(columns).reduce((sum, { bytes }) => sum + bytes, 0)
