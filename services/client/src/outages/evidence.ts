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
  /** The connection's row when the exchange timed out, read before the socket was destroyed. */
  readonly kernel?: KernelSocket | undefined
  /** How long before that the request was sent, ms. */
  readonly sentAgoMs?: number
  /** The path carried packets both ways after the reply was due: later bytes were acknowledged, or a handshake completed. */
  readonly pathWorkedLater?: boolean
  /** The client's event loop stood still or starved for more than half of the timeout. */
  readonly clientStalled?: boolean
  /** The reply came late, and the server says that its event loop stood still. */
  readonly serverStalled?: boolean
  /** The server announced the end: GOAWAY or REJECT. */
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
  const { reason, clientStalled, serverStalled, announced, corrupted } = observations
  if (corrupted !== undefined) return on('path', `corrupted_${corrupted}`)
  if (reason === 'no_ports' || reason === 'no_files') return on('client', reason)
  if (reason === 'dns') return on('name_service', 'dns')
  if (reason === 'unreachable') return on('path', 'no_route')
  if (announced || reason === 'rejected') return on('server', 'server_closed')
  if (clientStalled) return on('client', 'client_stalled')
  if (serverStalled) return on('server', 'server_stalled')
  return otherEnd(observations) ?? (reason === 'timeout' ? silence(observations) : undefined) ?? on('unknown', 'none')
}

const on = (side: Side, evidence: Evidence): Attribution => ({ side, evidence })

/** Reasons for which the server closes a connection by itself. */
const CLOSED_BY_SERVER = ['drained', 'drain_timeout', 'idle_timeout', 'max_age', 'slow_reader', 'fault', 'error']

/** What the server says of the connection that broke, and whether it is the process that it was. */
function otherEnd({ reason, ended, sameBoot, sameServer }: Observations): Attribution | undefined {
  if (sameServer && sameBoot === false) return reason === 'timeout' ? undefined : on('server', 'server_restarted')
  // A process that listened before and afterwards did not refuse in between.
  if (reason === 'refused') return sameBoot ? on('path', 'rejected_on_path') : undefined
  if (ended?.state === 'closed' && CLOSED_BY_SERVER.includes(ended.reason ?? '')) return on('server', 'server_closed')
  if (ended === undefined || !sameBoot || (reason !== 'eof' && reason !== 'reset')) return undefined
  // The server did not close the connection either: what arrived as its end came from somewhere in between.
  return ended.state === 'open' || ended.resetSeen || ended.finSeen ? on('path', 'both_ends_cut') : undefined
}

/** Probes follow each other after one retransmission timeout, then two, then four. */
const PROBES_SETTLED_TIMEOUTS = 4

/** What the kernel says of a connection on which no reply came. */
function silence({ kernel, sentAgoMs = 0, pathWorkedLater, sameBoot, sameServer }: Observations): Attribution | undefined {
  if (kernel === undefined) return undefined
  const { unacknowledgedBytes, unreadBytes, timer, retransmissions, probes, retransmissionTimeoutMs } = kernel
  if (unreadBytes > 0) return on('client', 'reply_unread')
  if (unacknowledgedBytes > 0) {
    // A local firewall drops packets before they are sent: the kernel then arms the window probe's timer, and no probe is answered.
    if (timer === 'retransmission' && retransmissions > 0) return on('path', 'unacknowledged')
    if (timer === 'window_probe' && probes >= 2) return on('path', 'unacknowledged')
    // By then a second probe would have been sent, had the first not been answered.
    const answered = timer === 'window_probe' && sentAgoMs >= PROBES_SETTLED_TIMEOUTS * retransmissionTimeoutMs
    return answered ? on('server', 'window_closed') : undefined
  }
  // A reply that was lost on its way looks the same at this moment: only a path that worked afterwards excludes it.
  if (pathWorkedLater) return on('server', sameServer && sameBoot === false ? 'server_restarted' : 'acknowledged')
  return undefined
}
