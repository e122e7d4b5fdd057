import { type Columns, cellBytes } from './column.ts'

const MAX_UINT32 = 2 ** 32 - 1

/** One column of a ring, with its place in a cell. */
export interface Field {
  readonly index: number
  readonly offset: number
  readonly write: (view: DataView, offset: number, value: number) => void
  readonly read: (view: DataView, offset: number) => number
}

/** The cells of all series for one span of time: the newest overwrites the oldest. Times are of the wall clock, ms. */
export class Ring {
  readonly stepMs: number
  readonly #rows: number
  readonly #rowBytes: number
  readonly #cellBytes: number
  /** Row by row, each with one cell per series. The kernel provides the memory as rows are written for the first time. */
  readonly #view: DataView
  /** When the cells of each row begin; NaN = never written. */
  readonly #starts: Float64Array
  #row = 0

  constructor(columns: Columns, series: number, rows: number, stepMs: number) {
    this.stepMs = stepMs
    this.#rows = rows
    this.#cellBytes = cellBytes(columns)
    this.#rowBytes = this.#cellBytes * series
    this.#view = new DataView(new ArrayBuffer(rows * this.#rowBytes))
    this.#starts = new Float64Array(rows).fill(Number.NaN)
  }

  get byteLength(): number {
    return this.#view.byteLength
  }

  /** The start of the newest row; NaN = there is none. */
  get newestMs(): number {
    return this.#starts[this.#row] as number
  }

  /** Begins a row of zeros. */
  advance(startMs: number): void {
    if (!Number.isNaN(this.newestMs)) this.#row = (this.#row + 1) % this.#rows
    this.#starts[this.#row] = startMs
    new Uint8Array(this.#view.buffer, this.#row * this.#rowBytes, this.#rowBytes).fill(0)
  }

  /** Moves all rows in time, after the clock was set. */
  shift(byMs: number): void {
    for (let row = 0; row < this.#rows; row++) this.#starts[row] = (this.#starts[row] as number) + byMs
  }

  /** Writes into the newest row. */
  write(series: number, field: Field, value: number): void {
    field.write(this.#view, this.#offset(this.#row, series, field), value)
  }

  /** Reads from the newest row. */
  read(series: number, field: Field): number {
    return field.read(this.#view, this.#offset(this.#row, series, field))
  }

  /** The newest cells of one series, the oldest first; NaN where there is none. */
  latest(series: number, field: Field, cells: number): number[] {
    const firstMs = this.newestMs - (cells - 1) * this.stepMs
    const values = new Array<number>(cells).fill(Number.NaN)
    for (let back = 0; back < this.#rows; back++) {
      const row = (this.#row - back + this.#rows) % this.#rows
      const index = ((this.#starts[row] as number) - firstMs) / this.stepMs
      // Also for a row that was never written.
      if (!(index >= 0)) break
      values[index] = field.read(this.#view, this.#offset(row, series, field))
    }
    return values
  }

  #offset(row: number, series: number, { offset }: Field): number {
    return row * this.#rowBytes + series * this.#cellBytes + offset
  }
}

/** The fields of a cell, in the order of its columns. */
export function fieldsOf<Name extends string>(columns: Columns<Name>): Readonly<Record<Name, Field>> {
  let offset = 0
  const fields = Object.entries<Columns[string]>(columns).map(([name, { kind, bytes }], index) => {
    const field: Field = { index, offset, ...(kind === 'percentile' ? FLOAT32 : bytes === 8 ? FLOAT64 : UINT32) }
    offset += bytes
    return [name, field]
  })
  return Object.fromEntries(fields)
}

const UINT32 = {
  write: (view: DataView, offset: number, value: number) => view.setUint32(offset, Math.min(value, MAX_UINT32)),
  read: (view: DataView, offset: number) => view.getUint32(offset),
}
const FLOAT32 = {
  write: (view: DataView, offset: number, value: number) => view.setFloat32(offset, value),
  read: (view: DataView, offset: number) => view.getFloat32(offset),
}
const FLOAT64 = {
  write: (view: DataView, offset: number, value: number) => view.setFloat64(offset, value),
  read: (view: DataView, offset: number) => view.getFloat64(offset),
}
