import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { Peer } from '../../../../tests/process/support/peer.ts'
import { until } from '../../../../tests/process/support/until.ts'
import type { TlsHandshakes } from '../tls/handshakes.ts'
import { Admission, type AdmissionEvents, type AdmissionRules } from './admission.ts'

const HEADER = 'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n'

/** What an admission did, in order: the name of each event and what came with it. */
type Log = [event: keyof AdmissionEvents, ...details: unknown[]][]

let server: Server
let log: Log
let ended: Promise<Socket | undefined>
let admission: Admission

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  jest.useRealTimers()
  await new Promise(resolve => server.close(resolve))
})

/** Lets the time limits of admissions pass only when the test says so. */
const holdTime = () => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] })

/** Admits the next connection by these rules. */
async function admit(rules: Partial<AdmissionRules>, identified = () => false): Promise<Peer> {
  log = []
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>()
  ended = promise
  const accepted = once(server, 'connection')
  const peer = await Peer.connect((server.address() as AddressInfo).port)
  const [socket]: Socket[] = await accepted
  if (socket === undefined) throw new Error('no socket')
  const over =
    (event: keyof AdmissionEvents) =>
    (...details: unknown[]) => {
      log.push([event, ...details])
      resolve(event === 'admitted' ? socket : undefined)
      if (event !== 'admitted') socket.destroy()
    }
  const all: AdmissionRules = { proxy: 'v1', tls: undefined, timeoutMs: 60_000, ...rules }
  admission = new Admission(socket, { address: '127.0.0.1', port: peer.port }, all, {
    identified: named => {
      log.push(['identified', named])
      return identified()
    },
    admitted: over('admitted'),
    rejected: over('rejected'),
    handshakeSucceeded: over('handshakeSucceeded'),
    handshakeFailed: over('handshakeFailed'),
    terminated: over('terminated'),
  })
  return peer
}

describe('a PROXY header', () => {
  test.each([1, 7, HEADER.length, HEADER.length + 3])('in pieces of %d bytes leaves exactly what follows it', async size => {
    await using peer = await admit({})
    const bytes = Buffer.from(`${HEADER}first\nsecond`)
    for (let start = 0; start < bytes.length; start += size) {
      peer.send(bytes.subarray(start, start + size))
      await new Promise(resolve => setImmediate(resolve))
    }
    peer.end()
    const socket = await ended
    expect(socket && (await text(socket))).toBe('first\nsecond')
    socket?.end()
    const via = { address: '127.0.0.1', port: peer.port }
    const named = { address: '192.0.2.1', port: 56_324, via, headerBytes: HEADER.length }
    expect(log.map(([event, detail]) => [event, event === 'identified' ? detail : undefined])).toEqual([
      ['identified', named],
      ['admitted', undefined],
    ])
  })

  test.each([
    ['that is none', 'GET / HTTP/1.1\r\n', 'malformed'],
    ['that is cut off', 'PROXY TC', 'closed'],
  ])('%s is rejected with the reason', async (_, sent, detail) => {
    await using peer = await admit({})
    peer.send(sent)
    peer.end()
    expect(await ended).toBeUndefined()
    expect(log).toEqual([['rejected', detail]])
  })

  test('that does not arrive in time is rejected', async () => {
    await using _peer = await admit({ timeoutMs: 20 })
    await ended
    expect(log).toEqual([['rejected', 'timeout']])
  })

  test('of a peer that is over its limit ends the admission without another event', async () => {
    holdTime()
    await using peer = await admit({ timeoutMs: 20 }, () => true)
    peer.send(HEADER)
    peer.end()
    await until('the header', () => log.length > 0)
    jest.advanceTimersByTime(1_000)
    expect(log.map(([event]) => event)).toEqual(['identified'])
    admission.terminate('drain_timeout')
  })

  test('whose handling fails unexpectedly ends this connection, with the error', async () => {
    const error = new TypeError('no')
    await using peer = await admit({}, () => {
      throw error
    })
    peer.send(HEADER)
    await ended
    expect(log.slice(1)).toEqual([['terminated', 'error', error]])
  })
})

describe('a TLS handshake', () => {
  // Not reached: none of these peers starts one.
  const tls = { start: () => expect(true).toBe(false) } as unknown as TlsHandshakes

  test('that plain bytes come in place of fails at the first of them', async () => {
    await using peer = await admit({ proxy: 'off', tls })
    peer.send('h')
    await ended
    expect(log).toEqual([['handshakeFailed', 'not_tls', undefined]])
  })

  test.each([
    ['timeout', 20, () => {}],
    ['closed', 60_000, (peer: Peer) => peer.end()],
    ['closed', 60_000, (peer: Peer) => peer.reset()],
  ])('that never starts fails as %s', async (failure, timeoutMs, act) => {
    await using peer = await admit({ proxy: 'off', tls, timeoutMs })
    act(peer)
    await ended
    expect(log).toEqual([['handshakeFailed', failure, undefined]])
  })
})

test('an admission that is terminated says so, once', async () => {
  holdTime()
  await using peer = await admit({ timeoutMs: 20 })
  admission.terminate('drain_timeout')
  peer.send(HEADER)
  jest.advanceTimersByTime(1_000)
  await until('the connection to end', () => peer.closed || peer.fin)
  expect(log).toEqual([['terminated', 'drain_timeout', undefined]])
})
