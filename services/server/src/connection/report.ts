import type { CloseReason } from '../reasons.ts'
import type { HandshakeFailure } from '../tls/handshakes.ts'
import type { Peer } from './peer.ts'

/** How an accepted connection ended, and its traffic. The source of the log line, the counters and the histograms. */
export interface ConnectionReport {
  /** Unique in this process; 0 for a connection whose protocol did not begin. */
  readonly id: number
  readonly listener: string
  readonly peer: Peer
  readonly reason: CloseReason
  /** From accept to close. */
  readonly durationMs: number
  /** Under TLS, bytes of plaintext, as in `sentBytes`. */
  readonly receivedBytes: number
  /** Bytes of the writes that the kernel accepted completely. */
  readonly sentBytes: number
  /** Bytes written but not sent. The kernel may have accepted part of the first unsent write. */
  readonly unsentBytes: number
  /** Bytes received after the server had half-closed, which were not answered. */
  readonly unansweredBytes: number
  readonly messages: number
  /** Messages that arrived corrupt. */
  readonly corrupt: number
  /** Whether the peer sent a FIN. */
  readonly finSeen: boolean
  /** Number of times that reading paused because the peer did not read its replies. */
  readonly readPauses: number
  /** A system error, a protocol violation by the peer, or a bug. */
  readonly error: Error | undefined
  /** True if the error is a bug, which no input from the network should cause. */
  readonly unexpected: boolean
  /** Defined if the TLS handshake failed. */
  readonly handshakeFailure: HandshakeFailure | undefined
}

/** The end of a connection whose protocol had not begun. */
export type UnservedEnd = Pick<ConnectionReport, 'listener' | 'peer' | 'reason' | 'durationMs'> & Partial<ConnectionReport>

/** The report of a connection whose protocol had not begun. */
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
