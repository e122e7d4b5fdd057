import type { Attribution, Evidence, Observations, Side } from './evidence.ts'
import { neverAcknowledged } from './kernel-row.ts'

/** What proves a side, and whether it still does when the client itself was starved. */
interface Rule extends Attribution {
  /** `always`: the kernel or the server says so, whether or not the client ran. `running`: a starved client could be the cause of it. */
  readonly proof: 'always' | 'running'
  readonly holds: (observations: Observations) => boolean
}

const rule = (evidence: Evidence, side: Side, proof: Rule['proof'], holds: Rule['holds']): Rule => ({
  evidence,
  side,
  proof,
  holds,
})

/** In order of rank: of the rules that hold, the first one names the side. */
const RULES: readonly Rule[] = [
  rule('corrupted_to_server', 'path', 'always', ({ corrupted }) => corrupted === 'to_server'),
  rule('corrupted_from_server', 'path', 'always', ({ corrupted }) => corrupted === 'from_server'),
  rule('no_ports', 'client', 'always', ({ reason }) => reason === 'no_ports'),
  rule('no_files', 'client', 'always', ({ reason }) => reason === 'no_files'),
  rule('no_route', 'path', 'always', ({ reason }) => reason === 'unreachable'),
  rule('dns', 'name_service', 'running', ({ reason, lookingUp = false }) => reason === 'dns' || lookingUp),
  rule('server_closed', 'server', 'always', saysThatItCloses),
  rule('server_restarted', 'server', 'always', hasRestarted),
  rule('rejected_on_path', 'path', 'always', isRejectedOnPath),
  rule('unacknowledged', 'path', 'always', isUnacknowledged),
  rule('reply_unread', 'client', 'always', isUnread),
  rule('server_stalled', 'server', 'running', ({ serverStalled = false }) => serverStalled),
  rule('acknowledged', 'server', 'always', isAcknowledged),
  rule('window_closed', 'server', 'running', hasClosedWindow),
  rule('server_closed', 'server', 'running', hasClosed),
  rule('both_ends_cut', 'path', 'running', isCutAtBothEnds),
]

const UNKNOWN: Attribution = { side: 'unknown', evidence: 'none' }

/** Names a side only on evidence: a wrong side is worse than none. A starved client that also saw something broken proves neither. */
export function attribute(observations: Observations): Attribution {
  const cause = causeOf(observations)
  const { clientStarved = false, onlyWhileStarved = false } = cause
  const holding = RULES.filter(({ holds }) => holds(cause))
  const first = holding.find(({ proof }) => proof === 'always' || !clientStarved)
  if (first !== undefined) return { side: first.side, evidence: first.evidence }
  const stalled = clientStarved && onlyWhileStarved && holding.length === 0
  return stalled ? { side: 'client', evidence: 'client_stalled' } : UNKNOWN
}

/** Reasons for which the server closes a connection that works: what matters then is why no other took its place. */
const REPLACEABLE = ['idle_timeout', 'max_age']
/** Reasons for which the server closes a connection by itself. */
const CLOSED_BY_SERVER = [...REPLACEABLE, 'drained', 'drain_timeout', 'slow_reader', 'fault', 'error']
/** Reasons for which it closes a connection whose end it received. */
const CLOSED_BY_PEER = ['client_closed', 'reset']
/** Reasons for which it closes the connection of a client that stands still. */
const CLOSED_ON_SILENCE = ['idle_timeout', 'slow_reader']
/** A request may cross a FIN on its way; it was sent at most this long before. */
const CROSSING_MS = 200

/** The failure to replace a connection that the server closed on schedule, where that is why exchanges were lost. */
function causeOf(observations: Observations): Observations {
  const { connectReason, sentAgoMs = 0, announced = false, ended, sameBoot, sameServer } = observations
  const closedOnSchedule = isEnd(observations) && !announced && REPLACEABLE.includes(closeReasonOf(observations) ?? '')
  if (!closedOnSchedule || sentAgoMs > CROSSING_MS || connectReason === undefined) return observations
  return { reason: connectReason, ended, sameBoot, sameServer }
}

const isEnd = ({ reason }: Observations) => reason === 'eof' || reason === 'reset'

/** Why the server closed the connection; undefined where it did not. */
const closeReasonOf = ({ ended }: Observations) => (ended?.state === 'closed' ? (ended.reason ?? '') : undefined)

function saysThatItCloses(observations: Observations): boolean {
  return observations.reason === 'rejected' || (isEnd(observations) && observations.announced === true)
}

function hasRestarted(observations: Observations): boolean {
  const { reason, sameServer, sameBoot } = observations
  if (!sameServer || sameBoot !== false) return false
  return isEnd(observations) || reason === 'refused' || (reason === 'timeout' && isAcknowledged(observations))
}

/** A process that listened before and afterwards did not refuse in between. */
function isRejectedOnPath({ reason, sameBoot, ended }: Observations): boolean {
  return reason === 'refused' && sameBoot === true && ended?.reason !== 'drained'
}

function hasClosed(observations: Observations): boolean {
  const { sentAgoMs = 0, clientStarved = false } = observations
  const reason = closeReasonOf(observations)
  if (!isEnd(observations) || reason === undefined) return false
  if (clientStarved && CLOSED_ON_SILENCE.includes(reason)) return false
  // An idle server that has requests to answer did not receive them.
  if (REPLACEABLE.includes(reason) && sentAgoMs > CROSSING_MS) return false
  return CLOSED_BY_SERVER.includes(reason)
}

/** The server did not close the connection either: what arrived as its end came from somewhere in between. */
function isCutAtBothEnds(observations: Observations): boolean {
  const { sameBoot, ended } = observations
  if (!isEnd(observations) || !sameBoot) return false
  return ended?.state === 'open' || CLOSED_BY_PEER.includes(closeReasonOf(observations) ?? '')
}

/** The state after a FIN was received. */
const CLOSE_WAIT = 8
/** Probes follow each other after one retransmission timeout, then two, then four. */
const PROBES_SETTLED_TIMEOUTS = 4

/** The connection's row after a timeout; undefined for any other failure. */
const rowOf = ({ reason, kernel }: Observations) => (reason === 'timeout' ? kernel : undefined)

/** Bytes that the client has not read; a FIN counts as one. */
const unreadBytes = ({ kernel }: Observations) => (kernel?.unreadBytes ?? 0) - (kernel?.state === CLOSE_WAIT ? 1 : 0)

/** A client that runs has read the reply before it is late: these bytes came later. */
function isUnread(observations: Observations): boolean {
  const { clientStarved = false, onlyWhileStarved = false } = observations
  return rowOf(observations) !== undefined && unreadBytes(observations) > 0 && clientStarved && onlyWhileStarved
}

/** A server whose accept queue is full ignores the first packets of a connection as a path does that drops them. */
function isUnacknowledged(observations: Observations): boolean {
  const row = rowOf(observations)
  return row !== undefined && unreadBytes(observations) <= 0 && neverAcknowledged(row) && observations.established === true
}

/** A proxy closes its window for a server out of its reach. */
function hasClosedWindow(observations: Observations): boolean {
  const { established = false, direct = false, sentAgoMs = 0 } = observations
  const row = rowOf(observations)
  if (row === undefined || unreadBytes(observations) > 0 || row.unacknowledgedBytes === 0) return false
  if (!established || !direct || row.timer !== 'window_probe' || neverAcknowledged(row)) return false
  // By then a second probe would have been sent, had the first not been answered.
  return sentAgoMs >= PROBES_SETTLED_TIMEOUTS * row.retransmissionTimeoutMs
}

/**
 * A reply that was lost on its way looks the same at this moment: only a path that worked afterwards excludes it. A proxy acknowledges requests
 * and completes handshakes for a server out of its reach.
 */
function isAcknowledged(observations: Observations): boolean {
  const { pathWorkedLater = false, direct = false } = observations
  const row = rowOf(observations)
  return row !== undefined && unreadBytes(observations) <= 0 && row.unacknowledgedBytes === 0 && pathWorkedLater && direct
}
