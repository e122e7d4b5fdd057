import { setTimeout as delay } from 'node:timers/promises'
import { EventLoopMonitor, type KernelSocket, KernelSockets } from '@nihao/service'
import type { Connection } from '../../connect/connection.ts'
import type { Exchange } from '../../connect/connection-events.ts'
import type { Failure, FailureReason } from '../../failure.ts'
import { attribute } from '../../outages/attribute.ts'
import { settledEnd } from '../../outages/end-at-server.ts'
import type { Attribution } from '../../outages/evidence.ts'
import { Facts, type Recovery } from '../../outages/facts.ts'
import { settledRow } from '../../outages/kernel-row.ts'

/** Connections that failed alike, and the exchanges that they lost. */
export interface BrokenTotals extends Attribution {
  readonly reason: FailureReason
  readonly connections: number
  readonly exchanges: number
}

/** A connection that failed, until its side is known. */
export interface Broken {
  readonly facts: Facts
  readonly exchanges: number
  /** Why the first attempt to replace it failed. */
  connectFailure?: Failure
}

/** The server is asked for this long how a connection ended there. */
const ASK_MS = 1_000

/** Names the side of each connection of a load that failed. */
export class BrokenConnections {
  readonly #timeoutMs: number
  readonly #kernel = new KernelSockets()
  readonly #eventLoop = new EventLoopMonitor()
  readonly #rows = new WeakMap<Connection, Promise<KernelSocket | undefined>>()
  readonly #totals = new Map<string, BrokenTotals>()
  readonly #settling = new Set<Promise<void>>()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#eventLoop.start()
  }

  /** Reads the connection's row before its socket is destroyed. */
  timedOut(connection: Connection): Promise<unknown> {
    const row = settledRow(this.#kernel, connection.socket)
    this.#rows.set(connection, row)
    return row
  }

  broke(connection: Connection, failure: Failure, lost: readonly Exchange[]): Broken {
    const facts = new Facts(failure, connection, lost[0], performance.now(), {
      timeoutMs: this.#timeoutMs,
      smallReply: false,
      instruments: { kernel: this.#kernel, eventLoop: this.#eventLoop },
      before: undefined,
      kernel: this.#rows.get(connection),
      lastTroubleMs: () => Number.NaN,
    })
    return { facts, exchanges: lost.length }
  }

  /** @param next the connection that replaced it; undefined: none did */
  replaced(broken: Broken, next: Connection | undefined): void {
    const settling = this.#settle(broken, next)
    this.#settling.add(settling)
    void settling.finally(() => this.#settling.delete(settling))
  }

  /** Resolves with all connections that failed, by their side. */
  async close(): Promise<BrokenTotals[]> {
    this.#eventLoop.stop()
    await Promise.all(this.#settling)
    return [...this.#totals.values()]
  }

  async #settle({ facts, exchanges, connectFailure }: Broken, next: Connection | undefined): Promise<void> {
    const { reason } = facts.failure
    const recovery = next?.hello === undefined ? undefined : await recoveryOn(next, facts)
    const { side, evidence } = attribute(await facts.observations(connectFailure, recovery))
    const key = `${reason} ${side} ${evidence}`
    const sum = this.#totals.get(key) ?? { reason, side, evidence, connections: 0, exchanges: 0 }
    this.#totals.set(key, { ...sum, connections: sum.connections + 1, exchanges: sum.exchanges + exchanges })
  }
}

/** What a server says that identifies connections; any other proves nothing by accepting the next one. */
async function recoveryOn(connection: Connection, { brokenId }: Facts): Promise<Recovery> {
  const atMs = performance.now()
  if (brokenId === undefined) return { connection, atMs, ended: undefined }
  const limit = new AbortController()
  const answer = settledEnd(connection.askLast(brokenId.boot, brokenId.connection), connection, brokenId, limit.signal)
  const ended = await Promise.race([
    answer,
    delay(ASK_MS, undefined, { signal: limit.signal, ref: false }).catch(() => undefined),
  ])
  limit.abort()
  return { connection, atMs, ended }
}
