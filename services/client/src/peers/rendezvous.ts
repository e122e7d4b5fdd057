import { hash } from 'node:crypto'

/**
 * Chooses `count` addresses by rendezvous (highest random weight) hashing: the weight of an address depends only on it and on who chooses, so
 * that all choose evenly, and one address more or less changes the choice of few.
 * @param identity of the client that chooses
 */
export function chooseByRendezvous(identity: string, addresses: readonly string[], count: number): string[] {
  if (addresses.length <= count) return [...addresses]
  const weighed = addresses.map(address => ({ address, weight: hash('sha256', `${identity}\n${address}`) }))
  return weighed
    .sort((a, b) => (a.weight > b.weight ? -1 : 1))
    .slice(0, count)
    .map(({ address }) => address)
}
