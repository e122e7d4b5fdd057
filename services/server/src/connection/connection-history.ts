import type { EndedConnection } from '@nihao/wire'
import { now } from './connection.ts'
import type { ConnectionReport } from './report.ts'

const MAX_ENDED = 10_000
const MAX_AGE_MS = 3_600_000

/** A connection as far as clients may ask for it. */
type OpenConnection = Pick<ConnectionReport, 'id' | 'messages' | 'receivedBytes' | 'sentBytes'>

const countersOf = ({ messages: pings, receivedBytes, sentBytes }: OpenConnection, state: EndedConnection['state']) => ({
  state,
  pings,
  receivedBytes,
  sentBytes,
})

interface Ended {
  readonly endedAtMs: number
  readonly connection: EndedConnection
}

/**
 * Connections by id, for clients that ask how one of them ended: the open ones and, in about 3 MB, the last 10,000 that ended within an
 * hour.
 */
export class ConnectionHistory {
  readonly #boot: string
  readonly #open = new Map<number, OpenConnection>()
  readonly #ended = new Map<number, Ended>()

  /** @param boot identifies this process; connections of other processes are unknown here */
  constructor(boot: string) {
    this.#boot = boot
  }

  opened(connection: OpenConnection): void {
    this.#open.set(connection.id, connection)
  }

  closed(report: ConnectionReport, endedAtMs = now()): void {
    const { id, reason, error, finSeen } = report
    this.#open.delete(id)
    const resetSeen = (error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET'
    const connection = { ...countersOf(report, 'closed'), reason, resetSeen, finSeen }
    this.#ended.set(id, { endedAtMs, connection })
    this.#evict(endedAtMs)
  }

  lookUp(boot: string, id: number, nowMs = now()): EndedConnection {
    if (boot !== this.#boot) return { state: 'other_boot' }
    const open = this.#open.get(id)
    if (open !== undefined) return countersOf(open, 'open')
    this.#evict(nowMs)
    const ended = this.#ended.get(id)
    return ended === undefined ? { state: 'unknown' } : { ...ended.connection, agoMs: nowMs - ended.endedAtMs }
  }

  /** A map iterates in insertion order: the oldest entries come first. */
  #evict(nowMs: number): void {
    for (const [id, { endedAtMs }] of this.#ended) {
      if (this.#ended.size <= MAX_ENDED && nowMs - endedAtMs <= MAX_AGE_MS) return
      this.#ended.delete(id)
    }
  }
}
