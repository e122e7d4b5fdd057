import { bytes, html, integer, percentage, rate, section, sum, table } from '@nihao/service/page'
import { formatAddress } from '../label.ts'
import type { Listener } from '../listener.ts'
import type { ListenerHistory } from '../listener-history.ts'
import type { ServerWords } from './words.ts'

/** Rates are averages of this many cells. */
const RATE_CELLS = 10
const NEAR_LIMIT = 0.9

/** Listeners against their limits. */
export function listenersSection(listeners: readonly Listener[], history: ListenerHistory, words: ServerWords) {
  const perSecond = ({ label }: Listener, column: 'opened' | 'receivedBytes' | 'sentBytes') => {
    const { stepMs, columns } = history.read(label, '15m', { cells: RATE_CELLS, columns: [column] })
    const values = columns[column].filter(value => !Number.isNaN(value))
    return values.length === 0 ? 0 : sum(values) / ((values.length * stepMs) / 1_000)
  }
  const buffered = ({ label }: Listener) =>
    history.read(label, '15m', { cells: 1, columns: ['bufferedBytes'] }).columns.bufferedBytes[0] || 0
  const limit = ({ limit }: Listener) => (Number.isFinite(limit) ? integer(limit) : words.noLimit)
  const list = table<Listener>({
    caption: words.listeners,
    rows: listeners,
    key: ({ label }) => label,
    columns: [
      { label: words.listener, style: 'name', heading: true, cell: ({ label }) => label },
      { label: words.address, style: 'fixed', cell: ({ address }) => formatAddress(address) },
      { label: words.connections, style: 'number', cell: ({ active }) => integer(active) },
      { label: words.limit, style: 'number', cell: limit },
      { label: words.usage, cell: listener => meter(listener, words) },
      { label: words.opened, style: 'number', cell: listener => rate(perSecond(listener, 'opened')) },
      { label: words.receivedRate, style: 'number', cell: listener => bytes(perSecond(listener, 'receivedBytes')) },
      { label: words.sentRate, style: 'number', cell: listener => bytes(perSecond(listener, 'sentBytes')) },
      { label: words.buffered, style: 'number', cell: listener => bytes(buffered(listener)) },
      { label: words.rejected, style: 'number', cell: ({ counters }) => integer(sum(Object.values(counters.rejected))) },
    ],
  })
  return section(words.listeners, undefined, list)
}

/** How much of its limit a listener uses. */
function meter({ active, limit }: Listener, words: ServerWords) {
  if (!Number.isFinite(limit)) return undefined
  const share = Math.min(1, active / limit)
  const text = words.used(percentage(share))
  return html`<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="${text}"><rect class="level${
    share > NEAR_LIMIT && ' near'
  }" width="${Math.round(share * 1_000) / 10}" height="8"/></svg>`
}
