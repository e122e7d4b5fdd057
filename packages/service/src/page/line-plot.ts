import { type Html, html } from './html.ts'
import { type LegendItem, line, plot } from './plot.ts'
import { timeOfDay } from './quantities.ts'
import { linearScale, timeTicks } from './scale.ts'

/** One line, with a value per cell. */
export interface PlotLine extends LegendItem {
  readonly values: readonly number[]
}

export interface LinePlot {
  readonly title: string
  readonly kind: 'count' | 'bytes'
  readonly lines: readonly PlotLine[]
  /** Of the first cell; wall clock, ms. */
  readonly startMs: number
  readonly stepMs: number
  readonly time: string
  readonly format: (value: number) => string
}

const TABLE_ROWS = 15

/** Amounts or rates over time, from zero. */
export function linePlot({ title, kind, lines, startMs, stepMs, time, format }: LinePlot): Html {
  const scale = linearScale(
    lines.flatMap(({ values }) => values),
    kind,
  )
  const cells = lines[0]?.values.length ?? 0
  const every = Math.ceil(cells / TABLE_ROWS)
  const rows = Array.from({ length: cells }, (_, index) => index).filter(index => index % every === every - 1)
  const shown = (value = Number.NaN) => (Number.isNaN(value) ? '–' : format(value))
  return plot({
    title,
    legend: lines,
    vertical: scale,
    horizontal: timeTicks(startMs, startMs + cells * stepMs),
    area: lines.map(({ mark, values }) => line(mark, values, scale)),
    table: html`<table><caption>${title}</caption><tr><th>${time}</th>${lines.map(({ label }) => html`<th>${label}</th>`)}</tr>${rows.map(
      index =>
        html`<tr><td>${timeOfDay(startMs + index * stepMs)}</td>${lines.map(({ values }) => html`<td>${shown(values[index])}</td>`)}</tr>`,
    )}</table>`,
  })
}
