import { type HistoryWindow, type Span, spans } from '@nihao/service'
import { bytes, choices, condense, html, linePlot, maximum, rate, section, sinceFirst, sum } from '@nihao/service/page'
import type { Listener } from '../listener.ts'
import type { ListenerHistory } from '../listener-history.ts'
import type { ServerWords } from './words.ts'

export interface TrafficView {
  readonly listeners: readonly Listener[]
  readonly history: ListenerHistory
  readonly query: URLSearchParams
  readonly span: Span
  readonly words: ServerWords
}

type Column = 'open' | 'opened' | 'closed' | 'rejected' | 'receivedBytes' | 'sentBytes' | 'bufferedBytes'

const CELLS = 180

/** Connections, bytes and buffers of these listeners together over time. */
export function trafficSection({ listeners, history, query, span, words }: TrafficView) {
  const { startMs, stepMs, columns } = condense(sinceFirst(totalOf(listeners, history, span)), CELLS, {
    open: maximum,
    opened: sum,
    closed: sum,
    rejected: sum,
    receivedBytes: sum,
    sentBytes: sum,
    bufferedBytes: maximum,
  })
  const perSecond = (values: readonly number[]) => values.map(value => value / (stepMs / 1_000))
  const { lines } = words
  const common = { startMs, stepMs, time: words.time }
  const plots = [
    linePlot({
      ...common,
      title: words.connectionsPerSecond,
      kind: 'count',
      format: rate,
      lines: [
        { mark: 'line', label: lines.opened, values: perSecond(columns.opened) },
        { mark: 'line-second', label: lines.closed, values: perSecond(columns.closed) },
        { mark: 'line-bad', label: lines.rejected, values: perSecond(columns.rejected) },
      ],
    }),
    linePlot({
      ...common,
      title: words.bytesPerSecond,
      kind: 'bytes',
      format: bytes,
      lines: [
        { mark: 'line', label: lines.received, values: perSecond(columns.receivedBytes) },
        { mark: 'line-second', label: lines.sent, values: perSecond(columns.sentBytes) },
      ],
    }),
    linePlot({
      ...common,
      title: words.openConnections,
      kind: 'count',
      format: rate,
      lines: [{ mark: 'line', label: lines.open, values: columns.open }],
    }),
    linePlot({
      ...common,
      title: words.bufferedBytes,
      kind: 'bytes',
      format: bytes,
      lines: [{ mark: 'line', label: lines.buffered, values: columns.bufferedBytes }],
    }),
  ]
  const options = spans.map(value => ({ value, label: words.spans[value] }))
  const controls = choices(query, { parameter: 'span', label: words.span, options })
  return section(words.traffic, controls, html`<div class="pair">${plots}</div>`)
}

/** Sums over listeners, cell by cell. */
function totalOf(listeners: readonly Listener[], history: ListenerHistory, span: Span): HistoryWindow<Column> {
  const [first, ...others] = listeners.map(({ label }) => history.read<Column>(label, span))
  if (first === undefined) throw new Error('a server has listeners')
  const add = (name: Column) =>
    first.columns[name].map((value, index) => others.reduce((total, { columns }) => total + (columns[name][index] ?? 0), value))
  const columns = Object.fromEntries((Object.keys(first.columns) as Column[]).map(name => [name, add(name)]))
  return { ...first, columns: columns as Record<Column, number[]> }
}
