import { inSlices } from '@nihao/service'
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
  /** The totals over connections that ended. */
  readonly ended: Totals = { receivedBytes: 0, sentBytes: 0, messages: 0, readPauses: 0, corrupt: 0 }

  addRejected(reason: RejectReason): void {
    this.rejected[reason]++
  }

  addClosed(report: ConnectionReport): void {
    const { reason, error, handshakeFailure } = report
    this.closed[reason]++
    if (error instanceof ProtocolError) this.protocolErrors[error.reason]++
    if (handshakeFailure !== undefined) this.handshakeFailures[handshakeFailure]++
    add(this.ended, report)
  }
}

/** Totals over all connections of a listener, including open ones. */
export interface ListenerTotals extends Totals {
  /** Bytes written but not sent. */
  bufferedBytes: number
}

/** A listener, as far as its totals need it. */
interface Counted {
  readonly connections: { toArray(): readonly Readonly<ListenerTotals>[] }
  readonly counters: Pick<ListenerCounters, 'ended'>
}

/** Adds up the connections of a listener in slices. */
export async function totalsOf({ connections, counters }: Counted): Promise<ListenerTotals> {
  const totals = { ...counters.ended, bufferedBytes: 0 }
  // A connection that ends meanwhile keeps its counts: it is counted as open now, and as ended next time, so that no total decreases.
  await inSlices(connections.toArray(), connection => {
    add(totals, connection)
    totals.bufferedBytes += connection.bufferedBytes
  })
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
