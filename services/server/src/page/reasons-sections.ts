import { html, integer, section, table } from '@nihao/service/page'
import type { Listener } from '../listener.ts'
import type { ServerWords } from './words.ts'

/** Why connections ended and were rejected, the most frequent reasons first. */
export function reasonsSections(listeners: readonly Listener[], words: ServerWords) {
  const counts = (select: (listener: Listener) => Readonly<Record<string, number>>) => {
    const totals = new Map<string, number>()
    for (const listener of listeners) {
      for (const [reason, count] of Object.entries(select(listener))) totals.set(reason, (totals.get(reason) ?? 0) + count)
    }
    return [...totals].filter(([, count]) => count > 0).toSorted(([, one], [, other]) => other - one)
  }
  const list = (caption: string, rows: readonly [string, number][]) =>
    rows.length === 0
      ? html`<p class="note">${words.nothing}</p>`
      : table<[string, number]>({
          caption,
          rows,
          key: ([reason]) => reason,
          columns: [
            { label: words.reason, heading: true, cell: ([reason]) => reason },
            { label: words.count, style: 'number', cell: ([, count]) => integer(count) },
          ],
        })
  const closed = list(
    words.closes,
    counts(({ counters }) => counters.closed),
  )
  const rejected = list(
    words.rejections,
    counts(({ counters }) => counters.rejected),
  )
  return html`<div class="pair" data-key="reasons">${section(words.closes, undefined, closed)}${section(words.rejections, undefined, rejected)}</div>`
}
