import type { KernelSocket } from '@nihao/service'
import type { FailureReason } from '../failure.ts'

/** Where the cause of a failure lies. The path is everything between the two kernels, including a host that is down. */
export const sides = ['client', 'name_service', 'path', 'server', 'unknown'] as const
export type Side = (typeof sides)[number]

/** What a side is named on. */
export const evidences = [
  'unacknowledged',
  'window_closed',
  'acknowledged',
  'reply_unread',
  'server_stalled',
  'client_stalled',
  'server_closed',
  'server_restarted',
  'rejected_on_path',
  'both_ends_cut',
  'corrupted_to_server',
  'corrupted_from_server',
  'no_route',
  'no_ports',
  'no_files',
  'dns',
  'none',
] as const
export type Evidence = (typeof evidences)[number]

export interface Attribution {
  readonly side: Side
  readonly evidence: Evidence
}

/** How the server says that a broken connection ended there: an ENDED frame. */
export interface EndedAtServer {
  readonly state: 'open' | 'closed' | 'unknown' | 'other_boot'
  /** The server's close reason. */
  readonly reason?: string | undefined
  readonly resetSeen?: boolean
  readonly finSeen?: boolean
}

/** What is known of a failure once it is over. Everything but the reason may be missing. */
export interface Observations {
  readonly reason: FailureReason
  /** Why the first attempt to connect after it failed. */
  readonly connectReason?: FailureReason | undefined
  /** Connecting ended while the name was being looked up. */
  readonly lookingUp?: boolean
  /** No proxy ends the connection: the server sees the address that the client has. */
  readonly direct?: boolean
  /** The connection had received bytes before. */
  readonly established?: boolean
  /** The connection's row when the exchange timed out, read before the socket was destroyed. */
  readonly kernel?: KernelSocket | undefined
  /** How long before that the request was sent, ms. */
  readonly sentAgoMs?: number
  /** A handshake with the same address completed right after the reply was due, and a client that ran got no reply for a while after it. */
  readonly pathWorkedLater?: boolean
  /** The client's event loop stood still or starved for more than half of the time in which the exchange was due. */
  readonly clientStarved?: boolean
  /** It was over as soon as the client ran again, and nothing else had failed just before. */
  readonly onlyWhileStarved?: boolean
  /** The reply came late, and the server says that its event loop stood still. */
  readonly serverStalled?: boolean
  /** The server announced that it stops. */
  readonly announced?: boolean
  readonly ended?: EndedAtServer | undefined
  /** Whether the server that answered before and the one that answers now are one process; undefined where they do not say. */
  readonly sameBoot?: boolean | undefined
  /** Whether they call themselves by one name. */
  readonly sameServer?: boolean | undefined
  readonly corrupted?: 'to_server' | 'from_server' | undefined
}
