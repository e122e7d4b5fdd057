import type { ConnectionTotals } from '@nihao/wire'
import type { Failure } from '../failure.ts'
import type { Connection } from './connection.ts'

/** One request and its reply; or several that are the same, sent at the same time. Times are on the monotonic clock, ms. */
export interface Exchange {
  /** When the schedule intended it to start. */
  readonly intendedMs: number
  /** If there is no reply by then, the connection fails. */
  readonly deadlineMs: number
  sentMs: number
  /** Undefined where the codec makes the requests. */
  readonly request?: Buffer | undefined
}

/** Events of a connection, for its owner and for the statistics of its target. */
export interface ConnectionEvents {
  /** Replies from one read share `nowMs`. @param count how often the exchange was sent and is now answered; 1 unless the owner repeats it */
  answered(connection: Connection, exchange: Exchange, roundTripMs: number, nowMs: number, count: number): void
  /** The server asked the client to reconnect (GOAWAY). */
  goAway?(connection: Connection): void
  /** An exchange is late: the connection is closed for its owner, but its socket stays open until this promise settles. */
  timedOut?(connection: Connection): Promise<unknown> | undefined
  /** The last event. Without a failure, the connection ended as planned and nothing was lost. */
  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[]): void
}

/** Events in addition to those of the owner. */
export interface ConnectionStatistics extends ConnectionEvents {
  /** The server sent HELLO. */
  helloReceived(connection: Connection): void
  /** A PONG with its times: the client's, ms, and the server's on its own clock, µs (probe). */
  readonly serverTimes?:
    | ((connection: Connection, sentMs: number, receivedUs: number, sentUs: number, stalledUs: number) => void)
    | undefined
  compared(connection: Connection, client: ConnectionTotals, server: ConnectionTotals): void
}
