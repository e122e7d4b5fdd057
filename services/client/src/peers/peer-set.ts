import { NO_TOTALS, type Peer, type PeerDescription, type PeerTotals } from './peer.ts'

/** What identifies the series of a peer; `none` = peers have no series. */
export type PeerLabel = 'none' | 'address' | 'server'

/** The label of the series that sums up the peers without one of their own. */
const OTHER = 'other'

/** The figures of one value of the label `peer`. */
export interface PeerFigures {
  readonly peer: string
  /** Undefined while it has no peer. */
  readonly up: boolean | undefined
  readonly totals: PeerTotals
  /** Round trips in `totals`. */
  readonly answered: number
}

/** The peers with one label. */
interface Series {
  /** Counted by peers that have left the series. */
  left: PeerTotals
  /** With what each had counted when it joined. */
  readonly peers: Map<Peer, PeerTotals>
}

/** The peers of a target, and their series: at most `maximum`, and one for all others. A series never goes backwards. */
export class PeerSet {
  readonly #label: PeerLabel
  readonly #maximum: number
  readonly #peers = new Set<Peer>()
  readonly #series = new Map<string, Series>()
  readonly #labels = new Map<Peer, string>()
  /** True once a look-up left no peer to watch: the only server is this client's own. */
  alone = false

  constructor(label: PeerLabel, maximum: number) {
    this.#label = label
    this.#maximum = maximum
  }

  /** True if a peer fails. */
  get failing(): boolean {
    return [...this.#peers].some(({ state }) => state === 'failing')
  }

  add(peer: Peer): void {
    this.#peers.add(peer)
  }

  /** The peer's series ends, unless others share it. */
  remove(peer: Peer): void {
    this.#peers.delete(peer)
    this.#leave(peer, performance.now())
  }

  /** The state of each peer, for `/targets`. */
  describe(): PeerDescription[] {
    return Array.from(this.#peers, peer => peer.describe())
  }

  figures(nowMs = performance.now()): PeerFigures[] {
    if (this.#label === 'none') return []
    for (const peer of this.#peers) this.#assign(peer, nowMs)
    return Array.from(this.#series, ([label, { left, peers }]) => {
      const totals = [...peers].reduce((sum, [peer, joined]) => combine(sum, peer.totals(nowMs), joined), left)
      const up = peers.size === 0 ? undefined : [...peers.keys()].every(({ state }) => state === 'good')
      return { peer: label, up, totals, answered: totals.exchanges - totals.failures }
    })
  }

  /** Gives the peer the series of its label. The name of a server becomes known only with the first connection. */
  #assign(peer: Peer, nowMs: number): void {
    const wanted = (this.#label === 'server' ? peer.server : undefined) ?? peer.address
    const current = this.#labels.get(peer)
    if (current === wanted || (current === OTHER && !this.#series.has(wanted))) return
    const joined = this.#leave(peer, nowMs)
    const label = this.#series.has(wanted) || this.#ownSeries < this.#maximum ? wanted : OTHER
    const series = this.#series.get(label) ?? { left: NO_TOTALS, peers: new Map() }
    series.peers.set(peer, joined)
    this.#series.set(label, series)
    this.#labels.set(peer, label)
  }

  get #ownSeries(): number {
    return this.#series.size - Number(this.#series.has(OTHER))
  }

  /** @returns what the peer has counted for series that remain: it starts from there in its next one */
  #leave(peer: Peer, nowMs: number): PeerTotals {
    const label = this.#labels.get(peer)
    const series = this.#series.get(label ?? '')
    if (label === undefined || series === undefined) return NO_TOTALS
    const joined = series.peers.get(peer) ?? NO_TOTALS
    series.peers.delete(peer)
    this.#labels.delete(peer)
    if (series.peers.size === 0 && label !== OTHER) {
      this.#series.delete(label)
      return joined
    }
    const totals = peer.totals(nowMs)
    series.left = combine(series.left, totals, joined)
    return totals
  }
}

/** `sum + totals - joined` */
function combine(sum: PeerTotals, totals: PeerTotals, joined: PeerTotals): PeerTotals {
  return {
    exchanges: sum.exchanges + totals.exchanges - joined.exchanges,
    failures: sum.failures + totals.failures - joined.failures,
    roundTripMs: sum.roundTripMs + totals.roundTripMs - joined.roundTripMs,
    outageMs: sum.outageMs + totals.outageMs - joined.outageMs,
  }
}
