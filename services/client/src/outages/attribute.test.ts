import { describe, expect, test } from '@jest/globals'
import type { KernelSocket } from '@nihao/service'
import { attribute } from './attribute.ts'
import type { Observations } from './evidence.ts'

/** An established connection on which everything is acknowledged, as Linux 6.18 shows it. */
const quiet: KernelSocket = {
  state: 1,
  unacknowledgedBytes: 0,
  unreadBytes: 0,
  timer: 'none',
  retransmissions: 0,
  probes: 0,
  retransmissionTimeoutMs: 200,
  congestionWindow: 10,
}

const timeout = (kernel: Partial<KernelSocket>, more: Partial<Observations> = {}): Observations => ({
  reason: 'timeout',
  sentAgoMs: 1_000,
  established: true,
  direct: true,
  kernel: { ...quiet, ...kernel },
  ...more,
})

const same = { sameBoot: true, sameServer: true }
const restarted = { sameBoot: false, sameServer: true }

const starved = { clientStarved: true, onlyWhileStarved: true }

const cases: [fault: string, observations: Observations, side: string, evidence: string][] = [
  ['the server has the request and does not reply', timeout({}, { pathWorkedLater: true }), 'server', 'acknowledged'],
  ['the reply was lost after its request was acknowledged', timeout({}), 'unknown', 'none'],
  ['the server does not read', timeout({ unacknowledgedBytes: 3_793_920, timer: 'window_probe' }), 'server', 'window_closed'],
  [
    'the server does not read, and the timeout is too short to tell',
    timeout({ unacknowledgedBytes: 3_793_920, timer: 'window_probe' }, { sentAgoMs: 300 }),
    'unknown',
    'none',
  ],
  ['a local firewall drops', timeout({ unacknowledgedBytes: 5, timer: 'window_probe', probes: 2 }), 'path', 'unacknowledged'],
  [
    'the path back is cut',
    timeout({ unacknowledgedBytes: 5, timer: 'retransmission', retransmissions: 2 }),
    'path',
    'unacknowledged',
  ],
  [
    'a SYN is not answered',
    timeout({ state: 2, unacknowledgedBytes: 1, timer: 'retransmission', retransmissions: 1 }, { established: false }),
    'unknown',
    'none',
  ],
  [
    'the accept queue is full',
    timeout({ unacknowledgedBytes: 5, timer: 'retransmission', retransmissions: 1 }, { established: false }),
    'unknown',
    'none',
  ],
  ['a proxy has the request', timeout({}, { pathWorkedLater: true, direct: false }), 'unknown', 'none'],
  [
    'a proxy does not read',
    timeout({ unacknowledgedBytes: 390_000, timer: 'window_probe' }, { direct: false }),
    'unknown',
    'none',
  ],
  ['bytes are on their way', timeout({ unacknowledgedBytes: 5, timer: 'retransmission' }), 'unknown', 'none'],
  ['the client did not run to read', timeout({ unreadBytes: 11 }, starved), 'client', 'reply_unread'],
  ['the reply comes just after it was late', timeout({ unreadBytes: 11 }), 'unknown', 'none'],
  [
    'the path to the server is cut, and the server closes the idle connection',
    timeout({ state: 8, unreadBytes: 1, unacknowledgedBytes: 19, timer: 'retransmission', retransmissions: 2 }),
    'path',
    'unacknowledged',
  ],
  ['the name server does not answer', { reason: 'timeout', lookingUp: true }, 'name_service', 'dns'],
  ['the client was stopped', timeout({}, starved), 'client', 'client_stalled'],
  ['the client was stopped, and the server gave up', { reason: 'reset', ...starved }, 'client', 'client_stalled'],
  ['the server stood still and replied late', timeout({}, { serverStalled: true }), 'server', 'server_stalled'],
  ['the platform has no table of connections', { reason: 'timeout', pathWorkedLater: true }, 'unknown', 'none'],
  ['the server was killed', { reason: 'eof', ...restarted, ended: { state: 'other_boot' } }, 'server', 'server_restarted'],
  ['the server hung, and was restarted', timeout({}, { pathWorkedLater: true, ...restarted }), 'server', 'server_restarted'],
  ['another server answers', { reason: 'eof', sameBoot: false, sameServer: false }, 'unknown', 'none'],
  [
    'the server closed a slow reader',
    { reason: 'reset', ...same, ended: { state: 'closed', reason: 'slow_reader' } },
    'server',
    'server_closed',
  ],
  ['the server drains', { reason: 'eof', announced: true }, 'server', 'server_closed'],
  ['the server rejects', { reason: 'rejected' }, 'server', 'server_closed'],
  ['a RST was forged to the client', { reason: 'reset', ...same, ended: { state: 'open' } }, 'path', 'both_ends_cut'],
  [
    'a proxy cut both ends',
    { reason: 'eof', ...same, ended: { state: 'closed', reason: 'client_closed', finSeen: true } },
    'path',
    'both_ends_cut',
  ],
  [
    'a RST was forged to both',
    { reason: 'reset', ...same, ended: { state: 'closed', reason: 'reset', resetSeen: true } },
    'path',
    'both_ends_cut',
  ],
  ['a firewall rejected', { reason: 'refused', ...same, ended: { state: 'open' } }, 'path', 'rejected_on_path'],
  [
    'an idle connection was closed, and a firewall rejected the next',
    { reason: 'refused', ...same, ended: { state: 'closed', reason: 'idle_timeout' } },
    'path',
    'rejected_on_path',
  ],
  [
    'an idle connection was closed, and the next is refused',
    { reason: 'eof', connectReason: 'refused', ...same, ended: { state: 'closed', reason: 'idle_timeout' } },
    'path',
    'rejected_on_path',
  ],
  [
    'requests do not arrive, and the server closes the idle connection',
    { reason: 'eof', sentAgoMs: 900, ...same, ended: { state: 'closed', reason: 'idle_timeout' } },
    'unknown',
    'none',
  ],
  [
    'an old connection was closed, and the next is not answered',
    { reason: 'eof', connectReason: 'timeout', ...same, ended: { state: 'closed', reason: 'max_age' } },
    'unknown',
    'none',
  ],
  [
    'the server got a frame that is not valid',
    { reason: 'eof', ...same, ended: { state: 'closed', reason: 'protocol_error', finSeen: true } },
    'unknown',
    'none',
  ],
  ['nothing comes back after the server announced that it stops', timeout({}, { announced: true }), 'unknown', 'none'],
  ['nobody listens, or a firewall rejects', { reason: 'refused' }, 'unknown', 'none'],
  ['the server restarted while connections were refused', { reason: 'refused', ...restarted }, 'server', 'server_restarted'],
  ['the server is still open after a timeout', timeout({}, { ...same, ended: { state: 'open' } }), 'unknown', 'none'],
  ['a server without frames closed', { reason: 'eof' }, 'unknown', 'none'],
  ['no route', { reason: 'unreachable' }, 'path', 'no_route'],
  ['no ports', { reason: 'no_ports' }, 'client', 'no_ports'],
  ['no files', { reason: 'no_files' }, 'client', 'no_files'],
  ['the name is not found', { reason: 'dns' }, 'name_service', 'dns'],
  ['bytes changed towards the server', { reason: 'mismatch', corrupted: 'to_server' }, 'path', 'corrupted_to_server'],
  ['bytes changed towards the client', { reason: 'mismatch', corrupted: 'from_server' }, 'path', 'corrupted_from_server'],
  ['a wrong reply', { reason: 'mismatch' }, 'unknown', 'none'],
]

describe('the side is named on evidence only', () => {
  test.each(cases)('%s', (_, observations, side, evidence) => {
    expect(attribute(observations)).toEqual({ side, evidence })
  })
})

describe('a starved client', () => {
  test.each<[fault: string, observations: Observations, side: string, evidence: string]>([
    [
      'the path is cut',
      timeout({ unacknowledgedBytes: 5, timer: 'retransmission', retransmissions: 2 }),
      'path',
      'unacknowledged',
    ],
    ['a handshake, then silence while it ran', timeout({}, { pathWorkedLater: true }), 'server', 'acknowledged'],
    ['the server restarted', { reason: 'eof', ...restarted }, 'server', 'server_restarted'],
    ['the server announced its end', { reason: 'eof', announced: true }, 'server', 'server_closed'],
    ['the server rejected', { reason: 'rejected' }, 'server', 'server_closed'],
    ['a firewall rejected', { reason: 'refused', ...same, ended: { state: 'open' } }, 'path', 'rejected_on_path'],
    ['no route', { reason: 'unreachable' }, 'path', 'no_route'],
    ['no files', { reason: 'no_files' }, 'client', 'no_files'],
    ['bytes changed', { reason: 'mismatch', corrupted: 'to_server' }, 'path', 'corrupted_to_server'],
  ])('is not the cause of what is proof by itself: %s', (_, observations, side, evidence) => {
    expect(attribute({ ...observations, ...starved })).toEqual({ side, evidence })
  })

  test.each<[fault: string, observations: Observations]>([
    ['the name was not resolved', { reason: 'dns' }],
    ['the look-up was slow', { reason: 'timeout', lookingUp: true }],
    ['the server stood still too', timeout({}, { serverStalled: true })],
    ['the server closed its window', timeout({ unacknowledgedBytes: 3_793_920, timer: 'window_probe' })],
    ['the server closed after a fault', { reason: 'eof', ...same, ended: { state: 'closed', reason: 'fault' } }],
    ['both ends were cut', { reason: 'reset', ...same, ended: { state: 'open' } }],
  ])('and something else that it may have caused have no side: %s', (_, observations) => {
    expect(attribute({ ...observations, ...starved })).toEqual({ side: 'unknown', evidence: 'none' })
  })

  test.each(['slow_reader', 'idle_timeout'])('is the cause of its silence, for which the server closed: %s', reason => {
    const observations = { reason: 'reset', ...same, ended: { state: 'closed', reason }, ...starved } as const
    expect(attribute(observations)).toEqual({ side: 'client', evidence: 'client_stalled' })
  })

  test.each([
    ['a request without a reply', timeout({}, { clientStarved: true })],
    ['an unread reply', timeout({ unreadBytes: 11 }, { clientStarved: true })],
    ['a reset', { reason: 'reset', clientStarved: true } as const],
  ])('that failed on when it ran again proves nothing: %s', (_, observations) => {
    expect(attribute(observations)).toEqual({ side: 'unknown', evidence: 'none' })
  })
})
