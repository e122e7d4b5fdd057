import type { HistoryWindow } from '../history/history.ts'
import { type Html, html } from './html.ts'
import { band, line, moments, period, plot } from './plot.ts'
import { milliseconds, timeOfDay } from './quantities.ts'
import { latencyScale, timeTicks } from './scale.ts'

/** What a smoke plot shows of each cell. */
export type SmokeColumn = 'p1Ms' | 'p50Ms' | 'p99Ms' | 'outage' | 'handovers' | 'failures'

export interface SmokeWords {
  readonly title: string
  readonly band: string
  readonly median: string
  readonly outage: string
  readonly handover: string
  readonly failures: string
  readonly time: string
}

/** The table behind a plot has about this many rows. */
const TABLE_ROWS = 15

/** Round trips over time: the median in the band that 98 % of them are in, and outages on the same axis. */
export function smokePlot({ startMs, stepMs, columns }: HistoryWindow<SmokeColumn>, words: SmokeWords): Html {
  const { p1Ms, p50Ms, p99Ms, outage, handovers } = columns
  const cells = p50Ms.length
  const scale = latencyScale([...p1Ms, ...p99Ms])
  return plot({
    title: undefined,
    legend: [
      { mark: 'line', label: words.median },
      { mark: 'band', label: words.band },
      { mark: 'outage', label: words.outage },
      { mark: 'moment', label: words.handover },
    ],
    vertical: scale,
    horizontal: timeTicks(startMs, startMs + cells * stepMs),
    area: [
      runs(outage).map(([from, to]) => period('outage', from / cells, to / cells)),
      band('band', p1Ms, p99Ms, scale),
      moments(
        'moment',
        handovers.flatMap((count, index) => (count > 0 ? [(index + 0.5) / cells] : [])),
      ),
      line('line', p50Ms, scale),
    ],
    table: tableOf({ startMs, stepMs, columns }, words),
  })
}

/** The first cell of each run of outages, and the first one after it. */
function runs(outage: readonly number[]): [from: number, to: number][] {
  const found: [number, number][] = []
  for (const [index, value] of outage.entries()) {
    if (!(value > 0)) continue
    const last = found.at(-1)
    if (last?.[1] === index) last[1] = index + 1
    else found.push([index, index + 1])
  }
  return found
}

function tableOf({ startMs, stepMs, columns }: HistoryWindow<SmokeColumn>, words: SmokeWords): Html {
  const { p1Ms, p50Ms, p99Ms, outage, failures } = columns
  const every = Math.ceil(p50Ms.length / TABLE_ROWS)
  const rows = p50Ms.map((_, index) => index).filter(index => index % every === every - 1 || (outage[index] ?? 0) > 0)
  return html`<table><caption>${words.title}</caption><tr><th>${words.time}</th><th>p1</th><th>p50</th><th>p99</th><th>${words.failures}</th><th>${words.outage}</th></tr>${rows.map(
    index =>
      html`<tr><td>${timeOfDay(startMs + index * stepMs)}</td><td>${milliseconds(p1Ms[index])}</td><td>${milliseconds(p50Ms[index])}</td><td>${milliseconds(p99Ms[index])}</td><td>${failures[index]}</td><td>${(outage[index] ?? 0) > 0 ? '✕' : ''}</td></tr>`,
  )}</table>`
}
