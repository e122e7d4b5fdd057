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
  /** The client's event loop did not always run while the reply was due. */
  readonly clientBusy?: boolean
  /** No proxy ends the connection: the server sees the address that the client has. */
  readonly direct?: boolean
  /** The connection had received bytes before. */
  readonly established?: boolean
  /** The connection's row when the exchange timed out, read before the socket was destroyed. */
  readonly kernel?: KernelSocket | undefined
  /** How long before that the request was sent, ms. */
  readonly sentAgoMs?: number
  /** A handshake with the same address completed right after the reply was due, and nothing was answered for a while after it. */
  readonly pathWorkedLater?: boolean
  /** The client's event loop stood still or starved for more than half of the timeout. */
  readonly clientStalled?: boolean
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

/** Names a side only on evidence: a wrong side is worse than none. Certain evidence comes before what must be inferred. */
export function attribute(observations: Observations): Attribution {
  const { reason, clientStalled, serverStalled, corrupted } = observations
  if (corrupted !== undefined) return on('path', `corrupted_${corrupted}`)
  if (reason === 'no_ports' || reason === 'no_files') return on('client', reason)
  if (reason === 'unreachable') return on('path', 'no_route')
  if (reason === 'rejected') return on('server', 'server_closed')
  if (clientStalled) return on('client', 'client_stalled')
  if (reason === 'dns' || observations.lookingUp) return on('name_service', 'dns')
  if (serverStalled) return on('server', 'server_stalled')
  if (reason === 'timeout') return silence(observations)
  return broken(observations) ?? UNKNOWN
}

const on = (side: Side, evidence: Evidence): Attribution => ({ side, evidence })
const UNKNOWN = on('unknown', 'none')

/** Reasons for which the server closes a connection that works: what matters then is why no other took its place. */
const REPLACEABLE = ['idle_timeout', 'max_age']
/** Reasons for which the server closes a connection by itself. */
const CLOSED_BY_SERVER = [...REPLACEABLE, 'drained', 'drain_timeout', 'slow_reader', 'fault', 'error']
/** A request may cross a FIN on its way; it was sent at most this long before. */
const CROSSING_MS = 200
/** Reasons for which it closes a connection whose end it received. */
const CLOSED_BY_PEER = ['client_closed', 'reset']

/** What the server says of the connection that ended, and whether it is the process that it was. */
function broken(observations: Observations): Attribution | undefined {
  const { reason, announced, connectReason, sentAgoMs = 0, ended, sameBoot, sameServer } = observations
  if (sameServer && sameBoot === false) return on('server', 'server_restarted')
  // A process that listened before and afterwards did not refuse in between.
  if (reason === 'refused') return sameBoot && ended?.reason !== 'drained' ? on('path', 'rejected_on_path') : undefined
  if (reason !== 'eof' && reason !== 'reset') return undefined
  if (announced) return on('server', 'server_closed')
  const closedBecause = ended?.state === 'closed' ? (ended.reason ?? '') : undefined
  if (closedBecause !== undefined && REPLACEABLE.includes(closedBecause)) {
    // An idle server that has requests to answer did not receive them.
    if (sentAgoMs > CROSSING_MS) return undefined
    if (connectReason !== undefined) return attribute({ reason: connectReason, ended, sameBoot, sameServer })
  }
  if (closedBecause !== undefined && CLOSED_BY_SERVER.includes(closedBecause)) return on('server', 'server_closed')
  if (!sameBoot) return undefined
  // The server did not close the connection either: what arrived as its end came from somewhere in between.
  const cut = closedBecause === undefined ? ended?.state === 'open' : CLOSED_BY_PEER.includes(closedBecause)
  return cut ? on('path', 'both_ends_cut') : undefined
}

/** The state after a FIN was received. */
const CLOSE_WAIT = 8

/** Probes follow each other after one retransmission timeout, then two, then four. */
const PROBES_SETTLED_TIMEOUTS = 4

/** What the kernel says of a connection on which no reply came. */
function silence({
  kernel,
  sentAgoMs = 0,
  clientBusy,
  established,
  direct,
  pathWorkedLater,
  ...later
}: Observations): Attribution {
  if (kernel === undefined) return UNKNOWN
  const { state, unacknowledgedBytes, unreadBytes, timer, retransmissions, probes, retransmissionTimeoutMs } = kernel
  // A FIN counts as one. A client that runs has read the reply before it is late: these bytes came later.
  if (unreadBytes > (state === CLOSE_WAIT ? 1 : 0)) return clientBusy ? on('client', 'reply_unread') : UNKNOWN
  if (unacknowledgedBytes > 0) {
    // A server whose accept queue is full ignores the first packets of a connection as a path does that drops them.
    if (!established) return UNKNOWN
    // A local firewall drops packets before they are sent: the kernel then arms the window probe's timer, and no probe is answered.
    if (timer === 'retransmission' && retransmissions > 0) return on('path', 'unacknowledged')
    if (timer === 'window_probe' && probes >= 2) return on('path', 'unacknowledged')
    // By then a second probe would have been sent, had the first not been answered. A proxy closes its window for a server out of its reach.
    const answered = timer === 'window_probe' && sentAgoMs >= PROBES_SETTLED_TIMEOUTS * retransmissionTimeoutMs
    return answered && direct ? on('server', 'window_closed') : UNKNOWN
  }
  // A reply that was lost on its way looks the same at this moment: only a path that worked afterwards excludes it. A proxy acknowledges
  // requests and completes handshakes for a server out of its reach.
  if (!pathWorkedLater || !direct) return UNKNOWN
  return on('server', later.sameServer && later.sameBoot === false ? 'server_restarted' : 'acknowledged')
}
