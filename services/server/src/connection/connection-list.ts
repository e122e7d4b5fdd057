/** A member of a list, which it can leave without being searched for. */
export interface Listed {
  /** Position in the list; belongs to the list. */
  index: number
}

/** Open connections, in no order. An array keeps its memory where a growing and shrinking Set leaves its outgrown tables behind. */
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

  map<Result>(convert: (item: Item) => Result): Result[] {
    return this.#items.map(convert)
  }
}
