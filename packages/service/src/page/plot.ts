import { type Content, type Html, html } from './html.ts'
import type { Scale, Tick } from './scale.ts'

/** Units of the drawing area, which is stretched to the space there is; lines keep their width. */
export const PLOT_WIDTH = 1_000
export const PLOT_HEIGHT = 200

export interface PlotFrame {
  /** Undefined where a heading says it. */
  readonly title: string | undefined
  /** What the marks mean. */
  readonly legend: readonly LegendItem[]
  readonly vertical: Scale
  readonly horizontal: readonly Tick[]
  /** SVG in plot units. */
  readonly area: Content
  /** The same as the plot, for those who can't see it. */
  readonly table: Html
}

export interface LegendItem {
  /** A class of the stylesheet: how the mark looks. */
  readonly mark: string
  readonly label: string
}

/** A plot with its axes. Labels are not in the stretched drawing, and so keep their size. */
export function plot({ title, legend, vertical, horizontal, area, table }: PlotFrame): Html {
  const gridlines = vertical.ticks.map(({ at }) => `M0 ${y(at)}H${PLOT_WIDTH}`).join('')
  return html`<figure class="plot"><figcaption>${title !== undefined && html`<h3>${title}</h3>`}<ul class="legend">${legend.map(
    ({ mark, label }) => html`<li><svg class="swatch" viewBox="0 0 24 12" aria-hidden="true">${swatch(mark)}</svg>${label}</li>`,
  )}</ul></figcaption><div class="canvas" aria-hidden="true"><svg class="axis vertical">${vertical.ticks.map(
    ({ at, label }) => html`<text x="100%" y="${percent(1 - at)}" dy="0.32em">${label}</text>`,
  )}</svg><svg class="area" viewBox="0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}" preserveAspectRatio="none"><path class="grid" d="${gridlines}"/>${area}</svg><svg class="axis horizontal">${horizontal.map(
    ({ at, label }) => html`<text x="${percent(at)}" y="1em">${label}</text>`,
  )}</svg></div><div class="visually-hidden">${table}</div></figure>`
}

/** A line through the values; a gap where one is NaN. */
export function line(mark: string, values: readonly number[], { position }: Scale): Html {
  let d = ''
  let drawing = false
  for (const [index, value] of values.entries()) {
    if (Number.isNaN(value)) drawing = false
    else {
      // A point without neighbours is drawn as well: round caps make a line of no length visible.
      d += `${drawing ? 'L' : 'M'}${x(index, values.length)} ${y(position(value))}${drawing ? '' : 'h0'}`
      drawing = true
    }
  }
  return html`<path class="${mark}" d="${d}"/>`
}

/** The area between two lines. */
export function band(mark: string, low: readonly number[], high: readonly number[], { position }: Scale): Html {
  let d = ''
  for (let start = 0; start < low.length; ) {
    if (Number.isNaN(low[start])) start++
    else {
      let end = start
      while (end < low.length && !Number.isNaN(low[end])) end++
      const above = high.slice(start, end).map((value, index) => `${x(start + index, low.length)} ${y(position(value))}`)
      const below = low.slice(start, end).map((value, index) => `${x(start + index, low.length)} ${y(position(value))}`)
      d += `M${[...above, ...below.reverse()].join('L')}z`
      start = end
    }
  }
  return html`<path class="${mark}" d="${d}"/>`
}

/** A period over the whole height. */
export const period = (mark: string, from: number, to: number): Html =>
  html`<rect class="${mark}" x="${round(from * PLOT_WIDTH)}" width="${round((to - from) * PLOT_WIDTH)}" height="${PLOT_HEIGHT}"/>`

/** A moment over the whole height. */
export const moments = (mark: string, at: readonly number[]): Content =>
  at.length > 0 &&
  html`<path class="${mark}" d="${at.map(moment => `M${round(moment * PLOT_WIDTH)} 0V${PLOT_HEIGHT}`).join('')}"/>`

const swatch = (mark: string): Html =>
  mark.startsWith('line') || mark === 'moment'
    ? html`<path class="${mark}" d="${mark === 'moment' ? 'M12 0V12' : 'M2 6H22'}"/>`
    : html`<rect class="${mark}" x="2" y="1" width="20" height="10"/>`

/** In the middle of its cell. */
const x = (index: number, cells: number) => round(((index + 0.5) / cells) * PLOT_WIDTH)
const y = (position: number) => round((1 - position) * PLOT_HEIGHT)
const round = (units: number) => Math.round(units * 10) / 10
const percent = (share: number) => `${Math.round(share * 1_000) / 10}%`
