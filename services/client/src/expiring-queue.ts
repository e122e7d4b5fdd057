/** A queue whose items expire in the order in which they came. One timer serves it, however many items are in it. */
export class ExpiringQueue<Item extends { readonly deadlineMs: number }> {
  readonly #onExpire: (item: Item) => void
  #items: Item[] = []
  #timer: NodeJS.Timeout | undefined

  /** `onExpire` gets each item whose deadline is past, taken out of the queue. */
  constructor(onExpire: (item: Item) => void) {
    this.#onExpire = onExpire
  }

  get length(): number {
    return this.#items.length
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#arm()
  }

  shift(): Item | undefined {
    return this.#items.shift()
  }

  /** Takes everything. */
  clear(): Item[] {
    const items = this.#items
    this.#items = []
    clearTimeout(this.#timer)
    this.#timer = undefined
    return items
  }

  #arm(): void {
    const [first] = this.#items
    if (first === undefined || this.#timer !== undefined) return
    // Timers may fire a little early by this clock; they then wait another millisecond.
    this.#timer = setTimeout(() => this.#check(), Math.max(1, first.deadlineMs - performance.now()))
  }

  #check(): void {
    this.#timer = undefined
    for (let first = this.#items[0]; first !== undefined && first.deadlineMs <= performance.now(); first = this.#items[0]) {
      this.#items.shift()
      this.#onExpire(first)
    }
    this.#arm()
  }
}
