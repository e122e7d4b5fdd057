/** A queue whose items expire in the order in which they were added. One timer serves all items and does not keep the process alive. */
export class ExpiringQueue<Item extends { readonly deadlineMs: number }> {
  readonly #onExpire: (item: Item) => void
  #items: Item[] = []
  /** Index of the first item. `Array.shift` would move all other items, which is slow in a long queue. */
  #head = 0
  #timer: NodeJS.Timeout | undefined

  /** `onExpire` is called with each expired item, after its removal from the queue. */
  constructor(onExpire: (item: Item) => void) {
    this.#onExpire = onExpire
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Returns the item at this position, 0 being the first. */
  at(position: number): Item | undefined {
    return this.#items[this.#head + position]
  }

  push(item: Item): void {
    this.#items.push(item)
    if (this.#timer === undefined) this.#arm()
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head++
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    } else if (this.#head >= 1_024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Removes and returns all items. */
  clear(): Item[] {
    const items = this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
    return items
  }

  #arm(): void {
    const first = this.#items[this.#head]
    if (first === undefined) return
    // Timers may fire slightly early by this clock, and are then set again. Bytes that arrived while this process was busy are read first,
    // so that a delay of the client does not make a reply late.
    const waitMs = Math.max(1, first.deadlineMs - performance.now())
    this.#timer = setTimeout(() => setImmediate(() => this.#check()), waitMs).unref()
  }

  #check(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const nowMs = performance.now()
    for (;;) {
      const first = this.#items[this.#head]
      if (first === undefined || first.deadlineMs > nowMs) break
      this.shift()
      this.#onExpire(first)
    }
    this.#arm()
  }
}
