import { ProtocolError, protocolErrorReasons } from '@nihao/wire'
import type { ConnectionReport } from './connection/report.ts'
import { closeReasons, type RejectReason, rejectReasons } from './reasons.ts'
import { handshakeFailures } from './tls/handshakes.ts'

/** Totals over connections. */
export interface Totals {
  receivedBytes: number
  sentBytes: number
  messages: number
  readPauses: number
  corrupt: number
}

/** The counters of one listener since startup. */
export class ListenerCounters {
  /** Connections that were accepted and not rejected. */
  opened = 0
  certificateReloadFailures = 0
  readonly closed = zeros(closeReasons)
  readonly rejected = zeros(rejectReasons)
  readonly protocolErrors = zeros(protocolErrorReasons)
  readonly handshakeFailures = zeros(handshakeFailures)
  readonly #ended: Totals = { receivedBytes: 0, sentBytes: 0, messages: 0, readPauses: 0, corrupt: 0 }

  addRejected(reason: RejectReason): void {
    this.rejected[reason]++
  }

  addClosed(report: ConnectionReport): void {
    const { reason, error, handshakeFailure } = report
    this.closed[reason]++
    if (error instanceof ProtocolError) this.protocolErrors[error.reason]++
    if (handshakeFailure !== undefined) this.handshakeFailures[handshakeFailure]++
    add(this.#ended, report)
  }

  /** @param open sums over the open connections, which are included */
  totals(open: Readonly<Totals>): Totals {
    const totals = { ...this.#ended }
    add(totals, open)
    return totals
  }
}

/** Sums over open connections. */
export interface OpenTotals extends Totals {
  bufferedBytes: number
}

export function sumOf(connections: Iterable<Readonly<OpenTotals>>): OpenTotals {
  const totals = { receivedBytes: 0, sentBytes: 0, messages: 0, readPauses: 0, corrupt: 0, bufferedBytes: 0 }
  for (const connection of connections) {
    add(totals, connection)
    totals.bufferedBytes += connection.bufferedBytes
  }
  return totals
}

function add(totals: Totals, counts: Readonly<Totals>): void {
  totals.receivedBytes += counts.receivedBytes
  totals.sentBytes += counts.sentBytes
  totals.messages += counts.messages
  totals.readPauses += counts.readPauses
  totals.corrupt += counts.corrupt
}

/** Zero for each value of a closed enumeration. */
function zeros<Value extends string>(values: readonly Value[]): Record<Value, number> {
  return Object.fromEntries(values.map(value => [value, 0])) as Record<Value, number>
}
