import { type CloseReason, closeReasons } from './connect/close-reason.ts'
import type { Connection } from './connect/connection.ts'
import { type FailureReason, failureReasons } from './failure.ts'
import { type Side, sides } from './outages/evidence.ts'

export const zeros = <Word extends string>(words: readonly Word[]) =>
  Object.fromEntries(words.map(word => [word, 0])) as Record<Word, number>

/** Maximum number of server names kept: a server that uses a new name each time must not exhaust the memory. */
const MAX_SERVERS = 1_000

/** The counters of a target. Metrics, summaries and reports read them; bytes of open connections are added on request. */
export class TargetCounters {
  readonly connections = new Set<Connection>()
  connectionAttempts = 0
  readonly connectionFailures: Record<FailureReason, number> = zeros(failureReasons)
  readonly connectionsClosed: Record<CloseReason, number> = zeros(closeReasons)
  /** Completed exchanges, successful or failed. */
  exchanges = 0
  readonly exchangeFailures: Record<FailureReason, number> = zeros(failureReasons)
  readonly outages: Record<FailureReason, number> = zeros(failureReasons)
  /** Outages that are over. */
  readonly outageSides: Record<Side, number> = zeros(sides)
  /** Connections that ended and were replaced before the next exchange was due. */
  readonly reconnects: Record<FailureReason, number> = zeros(failureReasons)
  /** Exchanges that were answered while this process stood still for most of the round trip. */
  suspectExchanges = 0
  handovers = 0
  certificateReloadFailures = 0
  /** Connections whose source address was not kept or translated as expected. */
  unexpectedSources = 0
  /** Comparisons of the counters of client and server at the end of a connection. */
  readonly comparisons = { equal: 0, different: 0 }
  /** Wall clock, ms; 0 = never. */
  lastSuccessMs = 0
  readonly #servers = new Set<string>()
  readonly #ended = { sentBytes: 0, receivedBytes: 0 }

  bytes(): { sentBytes: number; receivedBytes: number } {
    const bytes = { ...this.#ended }
    for (const connection of this.connections) add(bytes, connection)
    return bytes
  }

  get serversSeen(): number {
    return this.#servers.size
  }

  get servers(): string[] {
    return [...this.#servers]
  }

  serverSeen(name: string): void {
    if (this.#servers.size < MAX_SERVERS) this.#servers.add(name)
  }

  failures(): number {
    return Object.values(this.exchangeFailures).reduce((sum, count) => sum + count, 0)
  }

  outagesBegan(): number {
    return Object.values(this.outages).reduce((sum, count) => sum + count, 0)
  }

  connectionClosed(connection: Connection): void {
    this.connections.delete(connection)
    this.connectionsClosed[connection.closeReason]++
    add(this.#ended, connection)
  }

  /** All counters, for the last log line and for `/targets`; zero counts by reason are omitted. */
  totals(): object {
    const { connectionAttempts, exchanges, suspectExchanges, handovers } = this
    const { equal, different } = this.comparisons
    return {
      connectionAttempts,
      connectionFailures: nonZero(this.connectionFailures),
      connectionsClosed: nonZero(this.connectionsClosed),
      exchanges,
      exchangeFailures: nonZero(this.exchangeFailures),
      suspectExchanges,
      outages: nonZero(this.outages),
      outageSides: nonZero(this.outageSides),
      reconnects: nonZero(this.reconnects),
      handovers,
      countersCompared: equal + different,
      countersDiffered: different,
      ...this.bytes(),
    }
  }
}

function add(bytes: { sentBytes: number; receivedBytes: number }, connection: Connection): void {
  bytes.sentBytes += connection.sentBytes
  bytes.receivedBytes += connection.receivedBytes
}

/** The non-zero counts, for logs and reports. */
export function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
