import type { Peer } from '../connection/peer.ts'
import type { Capacity } from './capacity.ts'

/** Open connections by address, with a limit per address. */
export class AddressSlots {
  /** Maximum open connections from one address; 0 = no limit. */
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

/** Limits shared by all listeners of the process. */
export interface ProcessLimits {
  readonly capacity: Capacity
  readonly addresses: AddressSlots
}

/** Connection slots of one listener: each connection takes one in the process, and one for its address in the process and on the listener. */
export class Slots {
  readonly #capacity: Capacity
  readonly #addresses: readonly AddressSlots[]

  /** @param maxPerAddress for this listener only; 0 = only the limit of the process applies */
  constructor({ capacity, addresses }: ProcessLimits, maxPerAddress: number) {
    this.#capacity = capacity
    this.#addresses = [addresses, new AddressSlots(maxPerAddress)].filter(({ limit }) => limit > 0)
  }

  /** True when the process has no free slot. */
  get full(): boolean {
    return this.#capacity.open >= this.#capacity.limit
  }

  /** Returns the per-address limit that a peer has reached, if any. */
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
