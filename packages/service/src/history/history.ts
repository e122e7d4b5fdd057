import { type Column, type Columns, cellBytes } from './column.ts'
import { LatencyBuckets } from './latency-buckets.ts'
import { type Field, fieldsOf, Ring } from './ring.ts'

/** Something with a history, such as a target or a listener. */
export interface Series<Name extends string = string> {
  readonly label: string
  /** The present levels, and the totals of counters since the start, by the names of their columns. */
  readonly figures: () => Readonly<Partial<Record<Name, number>>>
  /** Where the durations are recorded whose percentiles are columns. */
  readonly latencies?: LatencyBuckets
}

/** The spans that can be read: cells of seconds for the last 15 minutes, of minutes for the others. */
export const spans = ['15m', '1h', '24h'] as const
export type Span = (typeof spans)[number]

/** The cells of one series in one span. */
export interface HistoryWindow<Name extends string = string> {
  /** Of the first cell; wall clock, ms. NaN before the first sample. */
  readonly startMs: number
  readonly stepMs: number
  /** One value per cell, the oldest first. NaN = no data: the process did not run, or no duration was recorded. */
  readonly columns: Readonly<Record<Name, readonly number[]>>
}

export interface HistoryOptions<Name extends string> {
  readonly columns: Columns<Name>
  readonly series: readonly Series<Name>[]
  /** Collects figures that take long, before each sample. */
  readonly prepare?: () => Promise<unknown>
  /** Wall clock, ms. */
  readonly now?: () => number
}

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const SECONDS = 900
const MINUTES = 1_440

/** The memory of a history. */
const MAX_BYTES = 20_000_000

/** By these factors all cells of a history get longer; they divide a minute, an hour and both numbers of cells. */
const FACTORS = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60]

/** A sample is taken this long after the end of a cell, because a timer may fire early. */
const MARGIN_MS = 5

/**
 * What happened to each series: a cell per second for 15 minutes, and one per minute for 24 hours. Its size is fixed: where the cells of
 * many series would take more than 20 MB, all of them cover more time. Cells come from totals that are kept anyway, once per second.
 */
export class History<Name extends string = string> {
  readonly labels: readonly string[]
  readonly columns: Columns<Name>
  readonly #series: readonly Series<Name>[]
  readonly #fields: readonly (readonly [name: Name, column: Column, field: Field])[]
  readonly #indexes: ReadonlyMap<string, number>
  readonly #seconds: Ring
  readonly #minutes: Ring
  /** Of each series, since the start of the newest cell of minutes. */
  readonly #minuteLatencies: readonly LatencyBuckets[]
  /** The totals at the last sample, by series and column. */
  readonly #totals: Float64Array
  readonly #prepare: () => Promise<unknown>
  readonly #now: () => number
  readonly #factor: number
  /** The start of the cell that the next sample completes; NaN = any. */
  #expectedMs = Number.NaN

  constructor({ columns, series, prepare = async () => {}, now = Date.now }: HistoryOptions<Name>) {
    const fields = fieldsOf(columns)
    this.columns = columns
    this.labels = series.map(({ label }) => label)
    this.#series = series
    this.#fields = (Object.keys(columns) as Name[]).map(name => [name, columns[name], fields[name]])
    this.#indexes = new Map(this.labels.map((label, index) => [label, index]))
    this.#factor = factorFor(cellBytes(columns), series.length)
    this.#seconds = new Ring(columns, series.length, SECONDS / this.#factor, SECOND_MS * this.#factor)
    this.#minutes = new Ring(columns, series.length, MINUTES / this.#factor, MINUTE_MS * this.#factor)
    this.#minuteLatencies = series.map(() => new LatencyBuckets())
    this.#totals = new Float64Array(series.length * this.#fields.length)
    this.#prepare = prepare
    this.#now = now
  }

  /** The size of all cells. */
  get byteLength(): number {
    return this.#seconds.byteLength + this.#minutes.byteLength
  }

  /** Samples until the process exits, which it does not keep alive. */
  start(): void {
    const { stepMs } = this.#seconds
    const waitMs = stepMs - (this.#now() % stepMs) + MARGIN_MS
    const timer = setTimeout(async () => {
      await this.#prepare()
      this.sample()
      this.start()
    }, waitMs)
    timer.unref()
  }

  /** Completes a cell with what happened since the last one. Called by the timer, and by tests with their own clock. */
  sample(): void {
    const { stepMs } = this.#seconds
    // The cell that ended last.
    const startMs = Math.floor(this.#now() / stepMs) * stepMs - stepMs
    if (startMs === this.#seconds.newestMs) return
    // The process did not run: this cell and those before it have no data. What happened in them counts in the next one.
    const isLate = startMs > this.#expectedMs
    this.#expectedMs = startMs + stepMs
    if (isLate) return
    this.#begin(startMs)
    for (let index = 0; index < this.#series.length; index++) this.#record(index)
  }

  has(label: string): boolean {
    return this.#indexes.has(label)
  }

  /**
   * @param cells only the newest; by default all of the span
   * @throws {Error} for an unknown label
   */
  read<Wanted extends Name = Name>(
    label: string,
    span: Span,
    { cells, columns }: { readonly cells?: number; readonly columns?: readonly Wanted[] } = {},
  ): HistoryWindow<Wanted> {
    const index = this.#indexes.get(label)
    if (index === undefined) throw new Error(`no history of ${label}`)
    const ring = span === '15m' ? this.#seconds : this.#minutes
    const available = { '15m': SECONDS, '1h': 60, '24h': MINUTES }[span] / this.#factor
    const length = Math.min(cells ?? available, available)
    const wanted = this.#fields.filter(([name]) => columns === undefined || (columns as readonly Name[]).includes(name))
    return {
      startMs: ring.newestMs - (length - 1) * ring.stepMs,
      stepMs: ring.stepMs,
      columns: Object.fromEntries(wanted.map(([name, , field]) => [name, ring.latest(index, field, length)])) as Record<
        Wanted,
        number[]
      >,
    }
  }

  #begin(startMs: number): void {
    const seconds = this.#seconds
    const minutes = this.#minutes
    // The clock was set back: the earlier cells keep their distance.
    if (startMs < seconds.newestMs) seconds.shift(startMs - seconds.stepMs - seconds.newestMs)
    seconds.advance(startMs)
    const minuteMs = Math.floor(startMs / minutes.stepMs) * minutes.stepMs
    if (minuteMs < minutes.newestMs) minutes.shift(minuteMs - minutes.newestMs)
    if (minuteMs === minutes.newestMs) return
    minutes.advance(minuteMs)
    for (const latencies of this.#minuteLatencies) latencies.clear()
  }

  #record(index: number): void {
    const { figures, latencies } = this.#series[index] as Series<Name>
    const minuteLatencies = this.#minuteLatencies[index] as LatencyBuckets
    const values = figures()
    if (latencies !== undefined) minuteLatencies.add(latencies)
    for (const [name, column, field] of this.#fields) {
      const value = values[name] ?? 0
      if (column.kind === 'counter') {
        const increase = Math.max(0, this.#increase(index, field, value))
        this.#seconds.write(index, field, increase)
        this.#minutes.write(index, field, this.#minutes.read(index, field) + increase)
      } else if (column.kind === 'level') {
        this.#seconds.write(index, field, value)
        this.#minutes.write(index, field, Math.max(this.#minutes.read(index, field), value))
      } else {
        this.#seconds.write(index, field, latencies?.percentile(column.share) ?? Number.NaN)
        this.#minutes.write(index, field, minuteLatencies.percentile(column.share))
      }
    }
    latencies?.clear()
  }

  #increase(index: number, field: Field, total: number): number {
    const place = index * this.#fields.length + field.index
    const increase = total - (this.#totals[place] as number)
    this.#totals[place] = total
    return increase
  }
}

function factorFor(bytesPerCell: number, series: number): number {
  const fits = (factor: number) => {
    const cells = ((SECONDS + MINUTES) / factor) * bytesPerCell
    return (cells + 2 * LatencyBuckets.bytes) * series <= MAX_BYTES
  }
  return FACTORS.find(fits) ?? (FACTORS.at(-1) as number)
}
