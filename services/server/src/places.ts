import type { Capacity } from './capacity.ts'
import type { Peer } from './connection.ts'

/** The places that the connections of one listener take: in the whole process, and of their address. */
export class Places {
  readonly #capacity: Capacity
  /** 0 = no limit. */
  readonly #mostPerAddress: number
  readonly #perAddress = new Map<string, number>()

  constructor(capacity: Capacity, mostPerAddress: number) {
    this.#capacity = capacity
    this.#mostPerAddress = mostPerAddress
  }

  /** True when there is none left in the process. */
  get full(): boolean {
    return this.#capacity.open >= this.#capacity.limit
  }

  /** True when there is none left for the peer's address. */
  fullFor({ address }: Peer): boolean {
    return this.#mostPerAddress > 0 && address !== undefined && (this.#perAddress.get(address) ?? 0) >= this.#mostPerAddress
  }

  /** Takes a connection's place, or gives it back. */
  hold({ address }: Peer, change: 1 | -1): void {
    this.#capacity.open += change
    if (this.#mostPerAddress === 0 || address === undefined) return
    const open = (this.#perAddress.get(address) ?? 0) + change
    if (open === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, open)
  }
}
