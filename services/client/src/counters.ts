import { type CloseReason, type Connection, closeReasons } from './connect/connection.ts'
import { type FailureReason, failureReasons } from './failure.ts'

const zeros = <Word extends string>(words: readonly Word[]) =>
  Object.fromEntries(words.map(word => [word, 0])) as Record<Word, number>

/** Names of servers that are remembered: a server that makes up a new one each time must not take all memory. */
const MAX_SERVERS = 1_000

/** What a target's sessions count. Metrics, summaries and reports read it; bytes of open connections are added when somebody asks. */
export class TargetCounters {
  readonly connections = new Set<Connection>()
  connectionAttempts = 0
  readonly connectionFailures: Record<FailureReason, number> = zeros(failureReasons)
  readonly connectionsClosed: Record<CloseReason, number> = zeros(closeReasons)
  /** Exchanges that are over, well or not. */
  exchanges = 0
  readonly exchangeFailures: Record<FailureReason, number> = zeros(failureReasons)
  readonly outages: Record<FailureReason, number> = zeros(failureReasons)
  handovers = 0
  /** Connections at whose end both sides' counters were compared, and those where they differed. */
  countersCompared = 0
  countersDiffered = 0
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

  serverSeen(name: string): void {
    if (this.#servers.size < MAX_SERVERS) this.#servers.add(name)
  }

  failures(): number {
    return Object.values(this.exchangeFailures).reduce((sum, count) => sum + count, 0)
  }

  connectionClosed(connection: Connection, reason: CloseReason): void {
    this.connections.delete(connection)
    this.connectionsClosed[reason]++
    add(this.#ended, connection)
  }
}

function add(bytes: { sentBytes: number; receivedBytes: number }, connection: Connection): void {
  bytes.sentBytes += connection.sentBytes
  bytes.receivedBytes += connection.receivedBytes
}

/** The counts that are not zero: for people, who see enough noise. */
export function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
