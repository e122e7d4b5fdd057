import { describe, expect, test } from '@jest/globals'
import { Registry } from 'prom-client'
import type { Target } from '../target.ts'
import { Peer } from './peer.ts'
import { registerPeers } from './peer-metrics.ts'
import { PeerSet } from './peer-set.ts'

/** A peer with as many good exchanges, of 2 ms each. */
function peerAt(address: string, exchanges = 0): Peer {
  const peer = new Peer(address)
  for (let index = 0; index < exchanges; index++) peer.answered(2)
  return peer
}

const helloFrom = (server: string) => ({ hello: { server } })

/** The exchanges of each series. */
const exchangesOf = (set: PeerSet) => Object.fromEntries(set.figures().map(({ peer, totals }) => [peer, totals.exchanges]))

function setOf(label: 'none' | 'address' | 'server', maximum: number, ...peers: Peer[]): PeerSet {
  const set = new PeerSet(label, maximum)
  for (const peer of peers) set.add(peer)
  return set
}

describe('the series of peers', () => {
  test('none without a label', () => {
    expect(setOf('none', 100, peerAt('10.0.0.1', 3)).figures()).toEqual([])
  })

  test('are those of each address, and end with it', () => {
    const [first, second] = [peerAt('10.0.0.1', 3), peerAt('10.0.0.2')]
    const set = setOf('address', 100, first, second)
    second.failed('timeout')
    expect(set.figures(0)).toEqual([
      { peer: '10.0.0.1', up: true, answered: 3, totals: { exchanges: 3, failures: 0, roundTripMs: 6, outageMs: 0 } },
      { peer: '10.0.0.2', up: false, answered: 0, totals: { exchanges: 1, failures: 1, roundTripMs: 0, outageMs: 0 } },
    ])
    set.remove(first)
    expect(exchangesOf(set)).toEqual({ '10.0.0.2': 1 })
  })

  test('beyond the maximum are summed up as other, which never goes backwards', () => {
    const peers = [1, 2, 3, 4].map(index => peerAt(`10.0.0.${index}`, index))
    const set = setOf('address', 2, ...peers)
    expect(exchangesOf(set)).toEqual({ '10.0.0.1': 1, '10.0.0.2': 2, other: 7 })
    const [first, , third, fourth] = peers as [Peer, Peer, Peer, Peer]
    set.remove(third)
    fourth.answered(2)
    expect(exchangesOf(set)).toEqual({ '10.0.0.1': 1, '10.0.0.2': 2, other: 8 })
    // A new peer takes the place of one that is gone; one that is counted as other stays so.
    set.remove(first)
    set.add(peerAt('10.0.0.5', 5))
    expect(exchangesOf(set)).toEqual({ '10.0.0.2': 2, '10.0.0.5': 5, other: 8 })
    set.remove(fourth)
    expect(set.figures().at(-1)).toMatchObject({ peer: '10.0.0.5' })
    expect(set.figures().find(({ peer }) => peer === 'other')).toMatchObject({ up: undefined, totals: { exchanges: 8 } })
  })

  test('other is up while each of its peers is', () => {
    const [first, second] = [peerAt('10.0.0.1', 1), peerAt('10.0.0.2', 1)]
    const set = setOf('address', 0, first, second)
    expect(set.figures()).toMatchObject([{ peer: 'other', up: true }])
    second.failed('reset')
    expect(set.figures()).toMatchObject([{ peer: 'other', up: false }])
  })

  test('by server have its name once it is known, and are shared by its addresses', () => {
    const [four, six] = [peerAt('10.0.0.1', 3), peerAt('fd00::1', 4)]
    const set = setOf('server', 100, four, six)
    expect(exchangesOf(set)).toEqual({ '10.0.0.1': 3, 'fd00::1': 4 })
    four.connected(helloFrom('node-a'))
    expect(exchangesOf(set)).toEqual({ 'node-a': 3, 'fd00::1': 4 })
    six.connected(helloFrom('node-a'))
    six.answered(2)
    expect(exchangesOf(set)).toEqual({ 'node-a': 8 })
    set.remove(four)
    six.answered(2)
    expect(exchangesOf(set)).toEqual({ 'node-a': 9 })
    // Another server at the same address: what was counted stays with the first while it has another address.
    set.add(four)
    expect(exchangesOf(set)).toEqual({ 'node-a': 12 })
    six.connected(helloFrom('node-b'))
    six.answered(2)
    expect(exchangesOf(set)).toEqual({ 'node-a': 13, 'node-b': 0 })
    six.answered(2)
    expect(exchangesOf(set)).toEqual({ 'node-a': 13, 'node-b': 1 })
    set.remove(six)
    expect(exchangesOf(set)).toEqual({ 'node-a': 13 })
  })

  test('are six for each, in a mesh of 300 at most 606', async () => {
    const count = async (set: PeerSet) => {
      const registry = new Registry()
      registerPeers(registry, [{ label: 'probe://servers:7000', peers: set } as unknown as Target])
      return (await registry.metrics()).split('\n').filter(line => line.startsWith('tcp_client_peer_')).length
    }
    const all = Array.from({ length: 300 }, (_, index) => peerAt(`10.0.${Math.floor(index / 250)}.${index % 250}`))
    expect(await count(setOf('address', 100, ...all))).toBe(606)
    expect(await count(setOf('address', 100, ...all.slice(0, 8)))).toBe(48)
    expect(await count(setOf('none', 100, ...all))).toBe(0)
  })
})

test('a peer shows its state in /targets', () => {
  const peer = new Peer('10.0.0.1')
  expect(peer.describe()).toMatchObject({ address: '10.0.0.1', server: null, state: 'untried', roundTripMs: null })
  peer.connected(helloFrom('node-a'))
  peer.answered(1.2345)
  peer.failed('timeout', 2)
  peer.outageBegan()
  expect(peer.describe()).toMatchObject({
    server: 'node-a',
    state: 'failing',
    reason: 'timeout',
    roundTripMs: 1.235,
    exchanges: 3,
    failures: 2,
    outages: 1,
  })
})
