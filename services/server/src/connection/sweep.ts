import { SLICE } from '@nihao/service'
import type { ConnectionList, Listed } from './connection-list.ts'

/** Visits every connection of a list once per interval, a slice at a time, so that the event loop never pauses for all of them. */
export class Sweep<Item extends Listed> {
  readonly #list: ConnectionList<Item>
  readonly #intervalMs: number
  readonly #visit: (item: Item) => void
  /** The connections below this index are still to be visited in this interval. */
  #next = 0
  #slices = 1
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(list: ConnectionList<Item>, intervalMs: number, visit: (item: Item) => void) {
    this.#list = list
    this.#intervalMs = intervalMs
    this.#visit = visit
  }

  start(): void {
    this.#timer = setTimeout(() => {
      // The event loop reads the sockets in between: after a stall, a connection is not idle whose bytes have arrived meanwhile.
      this.#immediate = setImmediate(() => {
        this.step()
        this.start()
      })
    }, this.#intervalMs / this.#slices)
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }

  /**
   * Visits the next slice, from the last connection to the first: a removed connection is replaced by the last one, so that none is moved
   * to where it would be missed.
   */
  step(): void {
    const list = this.#list
    if (this.#next === 0) {
      this.#next = list.size
      this.#slices = Math.max(1, Math.ceil(list.size / SLICE))
    }
    let next = Math.min(this.#next, list.size)
    const end = Math.max(0, next - SLICE)
    while (next > end) {
      const item = list.at(--next)
      if (item !== undefined) this.#visit(item)
    }
    this.#next = end
  }
}
