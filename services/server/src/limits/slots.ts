import type { Peer } from '../connection/peer.ts'
import type { Capacity } from './capacity.ts'

/** Connections open from each address, with a limit for one address. */
export class AddressSlots {
  /** Connections that one address may have open; 0 = no limit. */
  readonly limit: number
  readonly #open = new Map<string, number>()

  constructor(limit: number) {
    this.limit = limit
  }

  full(address: string): boolean {
    return this.limit > 0 && (this.#open.get(address) ?? 0) >= this.limit
  }

  change(address: string, by: 1 | -1): void {
    if (this.limit === 0) return
    const open = (this.#open.get(address) ?? 0) + by
    if (open === 0) this.#open.delete(address)
    else this.#open.set(address, open)
  }
}

/** Limits that all listeners of the process share. */
export interface ProcessLimits {
  readonly capacity: Capacity
  readonly addresses: AddressSlots
}

/** The slots that the connections of one listener take: in the process, and for their address in the process and on the listener. */
export class Slots {
  readonly #capacity: Capacity
  readonly #addresses: readonly AddressSlots[]

  /** @param maxPerAddress of this listener alone; 0 = no limit but that of the process */
  constructor({ capacity, addresses }: ProcessLimits, maxPerAddress: number) {
    this.#capacity = capacity
    this.#addresses = [addresses, new AddressSlots(maxPerAddress)].filter(({ limit }) => limit > 0)
  }

  /** True when the process has no free slot. */
  get full(): boolean {
    return this.#capacity.open >= this.#capacity.limit
  }

  /** The per-address limit that a peer has reached, if any. */
  limitReached({ address }: Peer): number | undefined {
    if (address === undefined) return undefined
    return this.#addresses.find(slots => slots.full(address))?.limit
  }

  take(peer: Peer): void {
    this.#change(peer, 1)
  }

  release(peer: Peer): void {
    this.#change(peer, -1)
  }

  #change({ address }: Peer, by: 1 | -1): void {
    this.#capacity.open += by
    if (address !== undefined) for (const slots of this.#addresses) slots.change(address, by)
  }
}
