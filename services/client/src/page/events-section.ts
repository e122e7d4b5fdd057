import type { EventLog, LoggedEvent } from '@nihao/service'
import {
  type Condition,
  choices,
  conditionCell,
  duration,
  html,
  type Language,
  linkTo,
  milliseconds,
  section,
  table,
  timeOfDay,
} from '@nihao/service/page'
import type { ClientEventKind } from '../client-events.ts'
import type { ClientWords } from './words.ts'

type Event = LoggedEvent<ClientEventKind>

/** Kinds that are filtered together. */
export const eventGroups = {
  all: () => true,
  outages: (kind: ClientEventKind) => kind.startsWith('outage'),
  handovers: (kind: ClientEventKind) => kind === 'handover' || kind === 'reconnected',
  other: (kind: ClientEventKind) => !kind.startsWith('outage') && kind !== 'handover' && kind !== 'reconnected',
} as const
export type EventGroup = keyof typeof eventGroups

/** Where the glyph of the condition says too little. */
const GLYPHS: Readonly<Partial<Record<ClientEventKind, string>>> = { handover: '⇄', reconnected: '↻' }

const CONDITIONS: Readonly<Partial<Record<ClientEventKind, Condition>>> = {
  outage_began: 'bad',
  outage_not_over: 'bad',
  outage_over: 'good',
  counters_differ: 'bad',
  exchanges_skipped: 'warn',
  certificate_expires_soon: 'warn',
  certificate_reload_failed: 'bad',
}

export interface EventsView {
  readonly log: EventLog<ClientEventKind>
  readonly query: URLSearchParams
  readonly group: EventGroup
  /** Of one target. */
  readonly about: string | undefined
  readonly limit: number
  readonly words: ClientWords
  readonly language: Language
}

/** The last events, the newest first. */
export function eventsSection({ log, query, group, about, limit, words, language }: EventsView) {
  const selected = log.read({ about }).filter(({ kind }) => eventGroups[group](kind))
  const rows = selected.slice(-limit).reverse()
  const options = (Object.keys(eventGroups) as EventGroup[]).map(value => ({ value, label: words.kinds[value] }))
  const controls = [
    selected.length > rows.length &&
      html`<span class="note">${words.shown(rows.length, selected.length)} · <a data-stay href="${linkTo(query, { events: '1000' })}">${words.showAll}</a></span>`,
    choices(query, { parameter: 'kind', label: words.kind, options }),
  ]
  const columns = [
    {
      label: words.time,
      style: 'fixed',
      cell: ({ time }: Event) => html`<time datetime="${time}">${timeOfDay(Date.parse(time))}</time>`,
    },
    {
      label: words.event,
      style: 'fixed',
      cell: ({ kind }: Event) => conditionCell(CONDITIONS[kind] ?? 'idle', words.events[kind], GLYPHS[kind]),
    },
    {
      label: words.target,
      cell: ({ about = '' }: Event) => html`<a href="${linkTo(new URLSearchParams(), { target: about })}">${about}</a>`,
    },
    { label: words.details, style: 'wide', cell: (event: Event) => describe(event, words, language) },
  ]
  const shown = about === undefined ? columns : columns.filter(({ label }) => label !== words.target)
  const body =
    rows.length === 0
      ? html`<p class="note">${words.noEvents}</p>`
      : table({ caption: words.eventsTitle, stack: true, columns: shown, rows, key: ({ id }) => String(id) })
  return section(words.eventsTitle, controls, body)
}

/** The fields of an event in the order of their weight; the values of closed enumerations are the same as in metrics and logs. */
function describe({ fields }: Event, words: ClientWords, language: Language): string {
  const {
    reason,
    side,
    evidence,
    durationMs,
    longestMs,
    lostExchanges,
    left,
    found,
    sessions,
    atMostMs: _,
    windowMs: __,
    ...others
  } = fields
  const ms = durationMs ?? longestMs
  const parts = [
    ms !== undefined && (Number(ms) < 10_000 ? milliseconds(Number(ms)) : duration(Number(ms), language)),
    side !== undefined && words.sides[side as keyof ClientWords['sides']],
    reason,
    evidence !== undefined && evidence !== 'none' && evidence,
    lostExchanges !== undefined && words.lost(Number(lostExchanges)),
    sessions !== undefined && words.sessions(Number(sessions)),
    left !== undefined && found !== undefined ? `${left} → ${found}` : (left ?? found),
    ...Object.entries(others).map(([name, value]) => (name === 'error' || name === 'server' ? value : `${name} ${value}`)),
  ]
  return parts.filter(part => part !== undefined && part !== false && part !== '').join(' · ')
}
