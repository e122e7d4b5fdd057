/** A list member that can be removed without a search. */
export interface Listed {
  /** Position in the list; maintained by the list. */
  index: number
}

/** Open connections, unordered. Unlike an array, a growing and shrinking Set leaves its outgrown tables to the garbage collector. */
export class ConnectionList<Item extends Listed> {
  readonly #items: Item[] = []

  get size(): number {
    return this.#items.length
  }

  add(item: Item): void {
    item.index = this.#items.length
    this.#items.push(item)
  }

  /** Moves the last item into the gap. */
  remove(item: Item): void {
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#items[item.index] = last
    last.index = item.index
  }

  at(index: number): Item | undefined {
    return this.#items[index]
  }

  /** Items must not be added or removed during the iteration. */
  [Symbol.iterator](): Iterator<Item> {
    return this.#items[Symbol.iterator]()
  }

  /** The present items, for an iteration during which items come and go. */
  toArray(): Item[] {
    return this.#items.slice()
  }
}
