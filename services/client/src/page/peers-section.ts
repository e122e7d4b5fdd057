import { type Condition, conditionCell, html, linkTo, milliseconds, section, table } from '@nihao/service/page'
import type { PeerDescription, PeerState } from '../peers/peer.ts'
import type { Target } from '../target.ts'
import type { ClientWords } from './words.ts'

const CONDITIONS: Readonly<Record<PeerState, Condition>> = { good: 'good', failing: 'bad', untried: 'idle' }
const MAX_ROWS = 100
const MAX_TARGETS = 20

/** One server, or address without a known name, and how each target reaches it. */
interface Row {
  readonly name: string
  readonly cells: ReadonlyMap<Target, readonly PeerDescription[]>
  readonly failing: boolean
}

/** The matrix of peers: a row per server, the failing ones first, and a column per target. Undefined if no target has peers. */
export function peersSection(targets: readonly Target[], words: ClientWords) {
  const columns = targets.filter(({ peers }) => peers !== undefined).slice(0, MAX_TARGETS)
  if (columns.length === 0) return undefined
  const all = rowsOf(columns)
  const rows = all.slice(0, MAX_ROWS)
  const matrix = table<Row>({
    caption: words.peers,
    rows,
    key: ({ name }) => name,
    columns: [
      { label: words.server, style: 'name', heading: true, cell: ({ name }) => name },
      ...columns.map(target => ({
        label: html`<a href="${linkTo(new URLSearchParams(), { target: target.label })}">${target.label}</a>`,
        style: 'fixed',
        cell: ({ cells }: Row) => (cells.get(target) ?? []).map(peer => peerCell(peer, words)),
      })),
    ],
  })
  const note = rows.length < all.length && html`<span class="note">${words.shown(rows.length, all.length)}</span>`
  return section(words.peers, note, matrix)
}

function rowsOf(targets: readonly Target[]): Row[] {
  const byName = new Map<string, Map<Target, PeerDescription[]>>()
  for (const target of targets) {
    for (const peer of target.peers?.describe() ?? []) {
      const name = peer.server ?? peer.address
      const cells = byName.get(name) ?? new Map<Target, PeerDescription[]>()
      cells.set(target, [...(cells.get(target) ?? []), peer])
      byName.set(name, cells)
    }
  }
  const rows = Array.from(byName, ([name, cells]) => ({
    name,
    cells,
    failing: [...cells.values()].flat().some(({ state }) => state === 'failing'),
  }))
  return rows.toSorted((one, other) => Number(other.failing) - Number(one.failing) || (one.name < other.name ? -1 : 1))
}

const peerCell = ({ state, reason, roundTripMs, address }: PeerDescription, words: ClientWords) =>
  html`<div>${conditionCell(
    CONDITIONS[state],
    words.states[state],
  )} <span class="muted">${[reason ?? (roundTripMs === null ? undefined : milliseconds(roundTripMs)), address].filter(Boolean).join(' · ')}</span></div>`
