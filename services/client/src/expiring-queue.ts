/** A queue whose items expire in the order in which they came. One timer serves it, however many items are in it. */
export class ExpiringQueue<Item extends { readonly deadlineMs: number }> {
  readonly #onExpire: (item: Item) => void
  #items: Item[] = []
  /** Where the first item stands: `Array.shift` moves all that follow, which takes long where many wait. */
  #head = 0
  #timer: NodeJS.Timeout | undefined

  /** `onExpire` gets each item whose deadline is past, taken out of the queue. */
  constructor(onExpire: (item: Item) => void) {
    this.#onExpire = onExpire
  }

  get length(): number {
    return this.#items.length - this.#head
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

  /** Takes everything. */
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
    // Timers may fire a little early by this clock; they then wait another millisecond.
    // What has come in while this process was busy is taken in first: nothing is late because nobody looked.
    this.#timer = setTimeout(() => setImmediate(() => this.#check()), Math.max(1, first.deadlineMs - performance.now()))
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
