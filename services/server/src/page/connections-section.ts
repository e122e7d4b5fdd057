import { bytes, choices, duration, html, integer, type Language, linkTo, section, table, textFilter } from '@nihao/service/page'
import type { Connection } from '../connection/connection.ts'
import type { Listener } from '../listener.ts'
import type { ServerWords } from './words.ts'

/** The largest come first. */
const SORT_KEYS = {
  age: ({ openedAtMs }: Connection) => -openedAtMs,
  bytes: ({ movedBytes }: Connection) => movedBytes,
  buffered: ({ bufferedBytes }: Connection) => bufferedBytes,
} as const
export type ConnectionSort = keyof typeof SORT_KEYS
export const connectionSorts = Object.keys(SORT_KEYS) as ConnectionSort[]

export interface ConnectionsView {
  readonly listeners: readonly Listener[]
  /** Of one listener; empty = all. */
  readonly listener: string
  readonly query: URLSearchParams
  readonly sort: ConnectionSort
  /** A part of the remote address. */
  readonly filter: string
  readonly rows: number
  readonly words: ServerWords
  readonly language: Language
}

/** With more listeners, they are filtered by text. */
const MAX_CHOICES = 10

/** The open connections that weigh the most. */
export function connectionsSection({ listeners, listener, query, sort, filter, rows, words, language }: ConnectionsView) {
  const key = SORT_KEYS[sort]
  const all = listeners
    .filter(({ label }) => listener === '' || label === listener)
    .flatMap(({ label, connections }) => connections.toArray().map(connection => ({ label, connection, key: key(connection) })))
  const matching = filter === '' ? all : all.filter(({ connection }) => remoteOf(connection).includes(filter))
  const shown = matching.toSorted((one, other) => other.key - one.key).slice(0, rows)
  const nowMs = performance.now()
  const controls = [
    shown.length < all.length &&
      html`<span class="note">${words.shown(integer(shown.length), integer(all.length))}${
        shown.length < matching.length && html` · <a data-stay href="${linkTo(query, { rows: '1000' })}">${words.showMore}</a>`
      }</span>`,
    listeners.length > 1 &&
      listeners.length <= MAX_CHOICES &&
      choices(query, {
        parameter: 'listener',
        label: words.listener,
        options: [{ value: '', label: words.all }, ...listeners.map(({ label }) => ({ value: label, label }))],
      }),
    textFilter(query, 'filter', words.filter),
  ]
  const list = table<(typeof shown)[number]>({
    caption: words.connections,
    rows: shown,
    key: ({ connection }) => String(connection.id),
    sorting: { query, parameter: 'sort', current: sort, default: 'age' },
    columns: [
      { label: words.remote, style: 'name', heading: true, cell: ({ connection }) => remoteOf(connection) },
      { label: words.listener, style: 'fixed', cell: ({ label }) => label },
      {
        label: words.age,
        style: 'number',
        sort: 'age',
        cell: ({ connection }) => duration(nowMs - connection.openedAtMs, language),
      },
      { label: words.bytes, style: 'number', sort: 'bytes', cell: ({ connection }) => bytes(connection.movedBytes) },
      { label: words.received, style: 'number', cell: ({ connection }) => bytes(connection.receivedBytes) },
      { label: words.sent, style: 'number', cell: ({ connection }) => bytes(connection.sentBytes) },
      { label: words.buffered, style: 'number', sort: 'buffered', cell: ({ connection }) => bytes(connection.bufferedBytes) },
      { label: words.messages, style: 'number', cell: ({ connection }) => integer(connection.messages) },
    ],
  })
  return section(words.connections, controls, shown.length === 0 ? html`<p class="note">${words.none}</p>` : list)
}

function remoteOf({ peer: { address, port, via } }: Connection): string {
  const own = address === undefined ? 'unix' : `${address.includes(':') ? `[${address}]` : address}:${port}`
  return via === undefined ? own : `${own} (${via.address ?? 'unix'})`
}
