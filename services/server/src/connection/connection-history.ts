import type { EndedConnection } from '@nihao/wire'
import { now } from './connection.ts'
import type { ConnectionReport } from './report.ts'

const MAX_ENDED = 10_000
const MAX_AGE_MS = 3_600_000

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
  readonly #open = new Set<number>()
  readonly #ended = new Map<number, Ended>()

  /** @param boot identifies this process; connections of other processes are unknown here */
  constructor(boot: string) {
    this.#boot = boot
  }

  opened(id: number): void {
    this.#open.add(id)
  }

  closed({ id, reason, error, finSeen, messages, receivedBytes, sentBytes }: ConnectionReport, endedAtMs = now()): void {
    this.#open.delete(id)
    const resetSeen = (error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET'
    const connection = { state: 'closed', reason, resetSeen, finSeen, pings: messages, receivedBytes, sentBytes } as const
    this.#ended.set(id, { endedAtMs, connection })
    this.#evict(endedAtMs)
  }

  lookUp(boot: string, id: number, nowMs = now()): EndedConnection {
    if (boot !== this.#boot) return { state: 'other_boot' }
    if (this.#open.has(id)) return { state: 'open' }
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
