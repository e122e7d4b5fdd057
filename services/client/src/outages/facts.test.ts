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
  readonly broken?: object
  readonly stalledMs?: (sinceMs: number) => number
  readonly options?: Partial<FactsOptions>
  readonly handshakeMs?: number
  readonly recoveredMs: number
  readonly recovery?: object
}

/** An exchange of 1 s that was sent at 1,000 ms and late at 2,000 ms. */
function observe({ failure = { reason: 'timeout' }, broken, stalledMs = () => 0, options, handshakeMs, ...more }: Given) {
  const instruments = { kernel: { find: async () => undefined }, eventLoop: { stalledMs } }
  const all = { timeoutMs: 1_000, smallReply: true, instruments, before: undefined, kernel: undefined, ...options }
  const facts = new Facts(failure, connection(broken), 1_000, 2_000, all)
  if (handshakeMs !== undefined) facts.handshakeDone(2_000, handshakeMs, '10.0.0.2')
  const recovery = { connection: connection(more.recovery), atMs: more.recoveredMs, ended: undefined }
  return facts.observations(undefined, recovery)
}

describe('the path worked while no reply came', () => {
  test.each([
    ['if a handshake completed at once, and a silence followed', { handshakeMs: 2_001, recoveredMs: 4_000 }, true],
    ['not if a reply followed soon: the path may have just recovered', { handshakeMs: 2_001, recoveredMs: 2_100 }, false],
    ['not if the handshake took long: the path may have recovered in between', { handshakeMs: 3_000, recoveredMs: 5_000 }, false],
    ['not without a handshake', { recoveredMs: 4_000 }, false],
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

describe('the client stood still', () => {
  const stopped = (fromMs: number, toMs: number) => (sinceMs: number) => Math.max(0, toMs - Math.max(fromMs, sinceMs))
  test.each<[string, Given, boolean]>([
    ['for most of the timeout', { stalledMs: stopped(0, 1_990), recoveredMs: 2_010 }, true],
    ['for a small part of it', { stalledMs: stopped(1_100, 1_400), recoveredMs: 2_010 }, false],
    ['but the outage lasted after it ran again', { stalledMs: stopped(0, 1_990), recoveredMs: 5_000 }, false],
    ['until it saw a reset', { failure: { reason: 'reset' }, stalledMs: stopped(0, 2_000), recoveredMs: 2_010 }, true],
    ['long before a reset', { failure: { reason: 'reset' }, stalledMs: stopped(0, 1_700), recoveredMs: 2_010 }, false],
    [
      'which has no part in a refusal',
      { failure: { reason: 'refused' }, stalledMs: stopped(0, 2_000), recoveredMs: 2_010 },
      false,
    ],
  ])('%s', async (_, given, clientStalled) => {
    expect(await observe(given)).toMatchObject({ clientStalled })
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
