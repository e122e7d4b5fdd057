import type { ConnectionTotals } from '@nihao/wire'
import type { Failure } from '../failure.ts'
import type { Connection } from './connection.ts'

/** One request and its reply. Times are of the monotonic clock, ms. */
export interface Exchange {
  /** When the schedule wanted it to start. */
  readonly intendedMs: number
  /** Without a reply by then, the connection is broken. */
  readonly deadlineMs: number
  sentMs: number
}

/** What happens on a connection, for its owner and for the statistics of its target. */
export interface ConnectionEvents {
  /** The owner may use the exchange again afterwards. Replies that came together share `nowMs`. */
  answered(connection: Connection, exchange: Exchange, roundTripMs: number, nowMs: number): void
  /** The server asked the client to leave this connection. */
  goAway?(connection: Connection): void
  /** An exchange is late: the connection is closed for its owner, but its socket stays open until this promise settles. */
  timedOut?(connection: Connection): Promise<unknown>
  /** The last event. Without a failure, the connection ended as planned and nothing is lost. */
  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[]): void
}

/** Besides the events that an owner gets. */
export interface ConnectionStatistics extends ConnectionEvents {
  /** The server said who it is. */
  greeted(connection: Connection): void
  compared(connection: Connection, client: ConnectionTotals, server: ConnectionTotals): void
}
