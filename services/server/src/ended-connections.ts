import type { CloseReason } from './reasons.ts'

/** How the server saw a connection end: what an ENDED frame reports. */
export interface EndedConnection {
  readonly reason: CloseReason
  /** The peer's RST arrived. */
  readonly resetSeen: boolean
  /** The peer's FIN arrived. */
  readonly finSeen: boolean
  readonly pings: number
  readonly receivedBytes: number
  readonly sentBytes: number
  /** On the monotonic clock, ms. */
  readonly endedAtMs: number
}

const MAX_CONNECTIONS = 10_000
const MAX_AGE_MS = 3_600_000

/** The last connections that ended, by their id: 10,000 of them take 2 MB. A client asks for one after its connection broke. */
export class EndedConnections {
  readonly #ended = new Map<number, EndedConnection>()

  add(id: number, connection: EndedConnection): void {
    this.#ended.set(id, connection)
    this.#evict(connection.endedAtMs)
  }

  /** Returns undefined for a connection that never was, or that ended too long ago. */
  find(id: number, nowMs: number): EndedConnection | undefined {
    this.#evict(nowMs)
    return this.#ended.get(id)
  }

  /** A map keeps its entries in the order in which they were added: the oldest come first. */
  #evict(nowMs: number): void {
    for (const [id, { endedAtMs }] of this.#ended) {
      if (this.#ended.size <= MAX_CONNECTIONS && nowMs - endedAtMs <= MAX_AGE_MS) return
      this.#ended.delete(id)
    }
  }
}
