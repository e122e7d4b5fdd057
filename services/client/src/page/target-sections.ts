import type { Span } from '@nihao/service'
import {
  bytes,
  type Content,
  condense,
  duration,
  html,
  integer,
  type Language,
  maximum,
  median,
  minimum,
  section,
  sinceFirst,
  smokePlot,
  sum,
  table,
} from '@nihao/service/page'
import type { Connection } from '../connect/connection.ts'
import { nonZero } from '../counters.ts'
import type { TargetHistory } from '../records.ts'
import type { Target } from '../target.ts'
import { spanChoices } from './targets-section.ts'
import type { ClientWords } from './words.ts'

export interface TargetPageView {
  readonly target: Target
  readonly history: TargetHistory
  readonly query: URLSearchParams
  readonly span: Span
  readonly words: ClientWords
  readonly language: Language
}

const PLOT_CELLS = 240
const MAX_CONNECTIONS = 100

/** The plot of one target. */
export function plotSection({ target, history, query, span, words }: TargetPageView) {
  const window = history.read(target.label, span, {
    columns: ['p1Ms', 'p50Ms', 'p99Ms', 'failures', 'outages', 'failing', 'downMs', 'handovers'],
  })
  const { startMs, stepMs, columns } = condense(sinceFirst(window), PLOT_CELLS, {
    p1Ms: minimum,
    p50Ms: median,
    p99Ms: maximum,
    failures: sum,
    outages: sum,
    failing: maximum,
    downMs: sum,
    handovers: sum,
  })
  const outage = columns.outages.map((count, index) => count + (columns.failing[index] ?? 0) + (columns.downMs[index] ?? 0))
  const plotWords = { title: words.roundTrip, ...words }
  const plot = smokePlot({ startMs, stepMs, columns: { ...columns, outage } }, plotWords)
  return section(words.roundTrip, spanChoices(query, words), html`<div class="tall">${plot}</div>`)
}

/** The open connections of one target, and the server that each leads to. */
export function connectionsSection({ target, words, language }: TargetPageView) {
  const { connections } = target.counters
  const rows = [...connections].slice(0, MAX_CONNECTIONS)
  const note = rows.length < connections.size && html`<span class="note">${words.shown(rows.length, connections.size)}</span>`
  const nowMs = performance.now()
  const list = table<Connection>({
    caption: words.connections,
    rows,
    key: ({ localAddress, remoteAddress }) => `${localAddress} ${remoteAddress}`,
    columns: [
      { label: words.server, heading: true, cell: ({ hello }) => (hello === undefined ? '–' : String(hello.server)) },
      { label: words.remote, cell: ({ remoteAddress }) => remoteAddress },
      { label: words.local, cell: ({ localAddress }) => localAddress },
      { label: words.age, style: 'number', cell: ({ openedAtMs }) => duration(nowMs - openedAtMs, language) },
      { label: words.answered, style: 'number', cell: ({ answered }) => integer(answered) },
      { label: words.sent, style: 'number', cell: ({ sentBytes }) => bytes(sentBytes) },
      { label: words.received, style: 'number', cell: ({ receivedBytes }) => bytes(receivedBytes) },
    ],
  })
  return section(words.connections, note, rows.length === 0 ? html`<p class="note">${words.noConnections}</p>` : list)
}

/** The totals of one target. */
export function figuresSection({ target: { counters }, words }: TargetPageView) {
  const figures: readonly (readonly [string, Content])[] = [
    [words.exchanges, integer(counters.exchanges)],
    [words.failures, integer(counters.failures())],
    [words.failedReason, reasons(counters.exchangeFailures) || words.nothing],
    [words.outages, integer(counters.outagesBegan())],
    [words.reconnects, integer(sum(Object.values(counters.reconnects)))],
    [words.handovers, integer(counters.handovers)],
  ]
  return section(
    words.figures,
    undefined,
    html`<dl class="figures">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`,
  )
}

const reasons = (counts: Readonly<Record<string, number>>) =>
  Object.entries(nonZero(counts))
    .map(([reason, count]) => `${reason} ${integer(count)}`)
    .join(', ')
