import { describe, expect, test } from '@jest/globals'
import { chooseByRendezvous } from './rendezvous.ts'

const NODES = 300
const PEERS = 8

/** The addresses of the servers of a cluster, one on each node. */
const clusterOf = (cluster: number) =>
  Array.from({ length: NODES }, (_, node) => `10.${cluster}.${Math.floor(node / 250)}.${(node % 250) + 1}`)

/** What the client on each node watches; none watches the server on its own node. */
const watchedIn = (addresses: readonly string[], joined: readonly string[] = []) =>
  addresses.map((own, node) => {
    const others = [...addresses, ...joined].filter(address => address !== own)
    return chooseByRendezvous(`node-${node}`, others, PEERS)
  })

function watchersOf(addresses: readonly string[]): number[] {
  const watchers = new Map(addresses.map(address => [address, 0]))
  for (const address of watchedIn(addresses).flat()) watchers.set(address, (watchers.get(address) ?? 0) + 1)
  return [...watchers.values()].sort((a, b) => a - b)
}

const spread = (sorted: readonly number[]) => ({
  min: sorted[0],
  p1: sorted[Math.floor(sorted.length / 100)],
  median: sorted[Math.floor(sorted.length / 2)],
  p99: sorted[Math.floor(sorted.length * 0.99)],
  max: sorted.at(-1),
})

// The hash is fixed, and so are the figures: docs/kubernetes.md has them.
describe('rendezvous hashing in a cluster of 300 with peers=8', () => {
  test('everybody watches 8 and is watched by about 8', () => {
    for (const choice of watchedIn(clusterOf(1))) expect(new Set(choice).size).toBe(PEERS)
    const clusters = Array.from({ length: 10 }, (_, cluster) => watchersOf(clusterOf(cluster)))
    const all = clusters.flat().sort((a, b) => a - b)
    expect(spread(all)).toEqual({ min: 0, p1: 2, median: 8, p99: 15, max: 18 })
    // As many as by chance: each of 300 leaves it out, so about one node in 3,000.
    expect(all.filter(watchers => watchers === 0)).toHaveLength(2)
  })

  test('one more node moves few links: those of the clients that watch it now', () => {
    const addresses = clusterOf(1)
    const before = watchedIn(addresses)
    const moved = watchedIn(addresses, ['10.1.9.9']).map((choice, node) =>
      choice.filter(address => !before[node]?.includes(address)),
    )
    expect(moved.flat()).toEqual(Array(7).fill('10.1.9.9'))
  })

  test('the order of the addresses does not matter, and all are chosen where there are no more', () => {
    const addresses = clusterOf(1)
    expect(chooseByRendezvous('me', addresses.toReversed(), PEERS)).toEqual(chooseByRendezvous('me', addresses, PEERS))
    expect(chooseByRendezvous('me', ['a', 'b'], 2)).toEqual(['a', 'b'])
  })
})
