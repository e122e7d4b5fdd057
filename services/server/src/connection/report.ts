import type { CloseReason } from '../reasons.ts'
import type { HandshakeFailure } from '../tls/handshakes.ts'
import type { Peer } from './peer.ts'

/** How an accepted connection ended and what went through it. Log, counters and histograms are made from this. */
export interface ConnectionReport {
  /** Unique in this process; 0 for a connection whose protocol did not begin. */
  readonly id: number
  readonly listener: string
  readonly peer: Peer
  readonly reason: CloseReason
  /** From accept to close. */
  readonly durationMs: number
  /** Under TLS, bytes of plain text; so is `sentBytes`. */
  readonly receivedBytes: number
  /** Bytes of the writes that the kernel took completely. */
  readonly sentBytes: number
  /** Bytes written but not sent. The kernel may have taken a part of the first write among them. */
  readonly unsentBytes: number
  /** Bytes received after the server had ended its side, which got no reply. */
  readonly unansweredBytes: number
  readonly messages: number
  /** Messages that arrived damaged. */
  readonly corrupt: number
  /** The peer half-closed. */
  readonly finSeen: boolean
  /** Times reading stopped because the peer did not read its replies. */
  readonly readPauses: number
  /** The system's error, the peer's violation of the protocol, or a bug. */
  readonly error: Error | undefined
  /** The error is a bug: nothing the network does should cause it. */
  readonly unexpected: boolean
  /** Set where the TLS handshake failed. */
  readonly handshakeFailure: HandshakeFailure | undefined
}

/** What is known of a connection that ended before its protocol began. */
export type UnservedEnd = Pick<ConnectionReport, 'listener' | 'peer' | 'reason' | 'durationMs'> & Partial<ConnectionReport>

/** The report of a connection that ended before its protocol began. */
export function unservedReport(end: UnservedEnd): ConnectionReport {
  return {
    id: 0,
    finSeen: false,
    receivedBytes: 0,
    sentBytes: 0,
    unsentBytes: 0,
    unansweredBytes: 0,
    messages: 0,
    corrupt: 0,
    readPauses: 0,
    error: undefined,
    unexpected: false,
    handshakeFailure: undefined,
    ...end,
  }
}
