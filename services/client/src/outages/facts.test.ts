import { describe, expect, test } from '@jest/globals'
import { WrongReply } from '@nihao/wire'
import { Connection } from '../connect/connection.ts'
import type { Failure } from '../failure.ts'
import { Facts, type FactsOptions } from './facts.ts'

const hello = { server: 'a', boot: 'b1', connection: 7, peer: '10.0.0.1:5000' }

/** A connection as far as facts are taken from it. */
const connection = (more: object = {}): Connection =>
  Object.defineProperties(
    Object.create(Connection.prototype) as Connection,
    Object.getOwnPropertyDescriptors({
      hello,
      localAddress: '10.0.0.1:5000',
      receivedBytes: 100,
      socket: { remoteAddress: '10.0.0.2' },
      serverStalledMs: 0,
      ...more,
    }),
  )

interface Given {
  readonly failure?: Failure
  /** Undefined: an attempt to connect. */
  readonly lost?: { readonly intendedMs: number; readonly sentMs: number } | undefined
  readonly broken?: object
  readonly stalledMs?: (sinceMs: number, untilMs?: number) => number
  readonly options?: Partial<FactsOptions>
  readonly handshakeMs?: number
  readonly recoveredMs: number
  readonly recovery?: object
}

/** An exchange of 1 s that was sent at 1,000 ms and late at 2,000 ms. */
function observe({ failure = { reason: 'timeout' }, broken, stalledMs = () => 0, options, handshakeMs, ...more }: Given) {
  const { lost = { intendedMs: 1_000, sentMs: 1_000 } } = more
  const exchange = 'lost' in more && more.lost === undefined ? undefined : { ...lost, deadlineMs: lost.intendedMs + 1_000 }
  const instruments = { kernel: { find: async () => undefined }, eventLoop: { stalledMs } }
  const all = {
    timeoutMs: 1_000,
    smallReply: true,
    instruments,
    before: undefined,
    kernel: undefined,
    lastTroubleMs: () => Number.NaN,
    ...options,
  }
  const facts = new Facts(failure, connection(broken), exchange, 2_000, all)
  if (handshakeMs !== undefined) facts.handshakeDone(2_000, handshakeMs, '10.0.0.2')
  const recovery = { connection: connection(more.recovery), atMs: more.recoveredMs, ended: undefined }
  return facts.observations(undefined, recovery)
}

/** A client that did not run from one time to another. */
const stopped =
  (fromMs: number, toMs: number) =>
  (sinceMs: number, untilMs: number = Number.POSITIVE_INFINITY) =>
    Math.max(0, Math.min(toMs, untilMs) - Math.max(fromMs, sinceMs))

describe('the path worked while no reply came', () => {
  test.each([
    ['if a handshake completed at once, and a silence followed', { handshakeMs: 2_001, recoveredMs: 4_000 }, true],
    ['not if a reply followed soon: the path may have just recovered', { handshakeMs: 2_001, recoveredMs: 2_100 }, false],
    ['not if the handshake took long: the path may have recovered in between', { handshakeMs: 3_000, recoveredMs: 5_000 }, false],
    ['not without a handshake', { recoveredMs: 4_000 }, false],
    [
      'not if the client did not run during the silence',
      { handshakeMs: 2_001, recoveredMs: 4_000, stalledMs: stopped(2_100, 3_900) },
      false,
    ],
    [
      'not for large replies, which a path may drop that lets small packets pass',
      { handshakeMs: 2_001, recoveredMs: 4_000, options: { smallReply: false } },
      false,
    ],
    [
      'not if the handshake was with another address',
      { handshakeMs: 2_001, recoveredMs: 4_000, broken: { socket: { remoteAddress: '10.0.0.3' } } },
      false,
    ],
  ])('%s', async (_, given, pathWorkedLater) => {
    expect(await observe(given)).toMatchObject({ pathWorkedLater })
  })
})

describe('the client was starved', () => {
  const sentLate = { intendedMs: 1_000, sentMs: 1_700 }
  const inTime = { intendedMs: 1_000, sentMs: 1_001 }
  const large = { smallReply: false }
  test.each<[string, Omit<Given, 'recoveredMs'>, boolean]>([
    ['if it sent the request late', { lost: sentLate, stalledMs: stopped(0, 1_700) }, true],
    ['not if the request waited for a connection', { lost: sentLate }, false],
    ['not if it sent the request a little late', { lost: { ...sentLate, sentMs: 1_300 }, stalledMs: stopped(0, 1_300) }, false],
    ['not if the kernel could receive the reply meanwhile', { lost: inTime, stalledMs: stopped(1_100, 1_990) }, false],
    ['if it had to read a large reply meanwhile', { lost: inTime, stalledMs: stopped(1_100, 1_990), options: large }, true],
    ['not by a stall after the deadline', { lost: inTime, stalledMs: stopped(1_900, 2_600), options: large }, false],
    ['if it stood still while it connected', { lost: undefined, stalledMs: stopped(1_100, 1_700) }, true],
    ['not by a short stall while it connected', { lost: undefined, stalledMs: stopped(1_100, 1_500) }, false],
    ['until it saw a reset', { failure: { reason: 'reset' }, stalledMs: stopped(0, 2_000) }, true],
    ['long before a reset', { failure: { reason: 'reset' }, stalledMs: stopped(0, 1_700) }, false],
    ['which has no part in a refusal', { failure: { reason: 'refused' }, stalledMs: stopped(0, 2_000) }, false],
  ])('%s', async (_, given, clientStarved) => {
    expect(await observe({ ...given, recoveredMs: 2_010 })).toMatchObject({ clientStarved })
  })
})

describe('an outage lasted only while the client was starved', () => {
  const lost = { intendedMs: 1_000, sentMs: 1_700 }
  test.each<[string, Given, boolean]>([
    ['if it was over at once', { lost, stalledMs: stopped(0, 1_700), recoveredMs: 2_010 }, true],
    [
      'not if it lasted, even if the client still got little CPU time',
      { lost, stalledMs: stopped(0, 2_590), recoveredMs: 2_600 },
      false,
    ],
    ['not if the client ran for long before its end', { lost, stalledMs: stopped(0, 1_700), recoveredMs: 2_600 }, false],
    [
      'not if another outage was over just before, which was not of the client',
      { lost, stalledMs: stopped(0, 1_700), recoveredMs: 2_010, options: { lastTroubleMs: () => 500 } },
      false,
    ],
    [
      'if that was long ago',
      { lost, stalledMs: stopped(0, 1_700), recoveredMs: 2_010, options: { lastTroubleMs: () => -2_000 } },
      true,
    ],
  ])('%s', async (_, given, onlyWhileStarved) => {
    expect(await observe(given)).toMatchObject({ onlyWhileStarved })
  })
})

describe('both ends are compared', () => {
  test.each<[string, Given, object]>([
    ['the same process', { recoveredMs: 3_000 }, { sameBoot: true, sameServer: true, direct: true, established: true }],
    [
      'a restarted server',
      { recoveredMs: 3_000, recovery: { hello: { ...hello, boot: 'b2' } } },
      { sameBoot: false, sameServer: true },
    ],
    ['another server', { recoveredMs: 3_000, recovery: { hello: { ...hello, server: 'c', boot: 'b2' } } }, { sameServer: false }],
    ['a proxy in between', { recoveredMs: 3_000, broken: { hello: { ...hello, peer: '10.0.0.9:5000' } } }, { direct: false }],
    ['a proxy that says so', { recoveredMs: 3_000, broken: { hello: { ...hello, via: '10.0.0.9:1' } } }, { direct: false }],
    ['a server without frames', { recoveredMs: 3_000, broken: { hello: undefined } }, { direct: false }],
    ['a server that stood still', { recoveredMs: 4_000, recovery: { serverStalledMs: 2_900 } }, { serverStalled: true }],
    ['a server that stood still later', { recoveredMs: 4_000, recovery: { serverStalledMs: 500 } }, { serverStalled: false }],
    ['a server that drained', { recoveredMs: 3_000, broken: { goAwayReason: 'drain' } }, { announced: true }],
  ])('%s', async (_, given, observed) => {
    expect(await observe(given)).toMatchObject(observed)
  })

  test('a checksum shows the direction', async () => {
    const error = new WrongReply(Buffer.from('a'), Buffer.from('b'), '', 0, 'to_server')
    expect(await observe({ failure: { reason: 'mismatch', error }, recoveredMs: 3_000 })).toMatchObject({
      corrupted: 'to_server',
    })
  })
})
