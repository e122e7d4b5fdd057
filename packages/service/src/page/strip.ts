import { type Html, html } from './html.ts'

/** One interval of a strip. */
export interface StripCell {
  /** The share of exchanges that failed; NaN = there were none. */
  readonly failed: number
  /** There was a planned handover. */
  readonly handover: boolean
}

const WIDTH = 4
const GAP = 1
const HEIGHT = 20
/** Of a cell without failures. */
const BASE = 5

/** The last intervals of a target, the newest on the right: height is the failed share, hatched is a planned handover. */
export function strip(cells: readonly StripCell[], label: string): Html {
  const bars = (select: (cell: StripCell) => number) => cells.map((cell, index) => bar(index, select(cell))).join('')
  const good = bars(({ failed }) => (failed === 0 ? BASE : 0))
  const bad = bars(({ failed }) => (failed > 0 ? BASE + failed * (HEIGHT - BASE) : 0))
  const empty = emptyRuns(cells)
  const hatched = cells.map(({ handover }, index) => (handover ? hatch(index) : '')).join('')
  return html`<svg class="strip" viewBox="0 0 ${cells.length * WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${[
    path('empty', empty),
    path('good', good),
    path('bad', bad),
    path('hatch', hatched),
  ]}</svg>`
}

const path = (name: string, d: string) => d !== '' && html`<path class="${name}" d="${d}"/>`

/** Neighbours are drawn as one, because most strips of a new process are empty. */
function emptyRuns(cells: readonly StripCell[]): string {
  let d = ''
  for (let index = 0; index < cells.length; ) {
    const from = index
    while (index < cells.length && Number.isNaN(cells[index]?.failed)) index++
    if (index > from) d += `M${from * WIDTH} ${HEIGHT}v-1h${(index - from) * WIDTH - GAP}v1z`
    else index++
  }
  return d
}

function bar(index: number, height: number): string {
  if (height === 0) return ''
  const rounded = Math.round(height * 10) / 10
  return `M${index * WIDTH} ${HEIGHT}v-${rounded}h${WIDTH - GAP}v${rounded}z`
}

function hatch(index: number): string {
  const lines = []
  for (let y = HEIGHT; y >= WIDTH; y -= WIDTH) lines.push(`M${index * WIDTH} ${y}l${WIDTH - GAP} -${WIDTH - GAP}`)
  return lines.join('')
}
