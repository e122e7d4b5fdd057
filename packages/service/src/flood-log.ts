export interface FloodOptions<Item> {
  /** Items of one kind that are told one by one before a flood of them is summed up. */
  readonly singles: number
  readonly windowMs: number
  readonly tell: (item: Item) => void
  /** Tells of `count` items in one line; `sum` is what `add` made of them. */
  readonly tellSum: (sum: Item, count: number, windowMs: number) => void
  /** Puts one more item into a sum; without it, the sum is the first of them. */
  readonly add?: (sum: Item, item: Item) => Item
}

interface Window<Item> {
  singles: number
  count: number
  sum: Item | undefined
  readonly timer: NodeJS.Timeout
}

/** For a log that nobody must be able to flood: the first items of a kind are told at once, what follows as a sum for each window. */
export class FloodLog<Item> {
  readonly #options: FloodOptions<Item>
  readonly #windows = new Map<string, Window<Item>>()

  constructor(options: FloodOptions<Item>) {
    this.#options = options
  }

  /** @param kind one of few: what differs from item to item does not belong in it */
  add(kind: string, item: Item): void {
    const { singles, tell, add } = this.#options
    const window = this.#windows.get(kind) ?? this.#open(kind)
    if (window.singles < singles) {
      window.singles++
      tell(item)
      return
    }
    window.count++
    window.sum = window.sum === undefined ? item : (add?.(window.sum, item) ?? window.sum)
  }

  /** Tells what is not told yet: for the end of the log. */
  flush(): void {
    for (const kind of [...this.#windows.keys()]) this.#close(kind)
  }

  #open(kind: string): Window<Item> {
    // As long as a flood lasts, its window opens again behind its sum.
    const timer = setInterval(() => this.#tellSum(kind) || this.#close(kind), this.#options.windowMs)
    timer.unref()
    const window = { singles: 0, count: 0, sum: undefined, timer }
    this.#windows.set(kind, window)
    return window
  }

  #close(kind: string): void {
    this.#tellSum(kind)
    clearInterval(this.#windows.get(kind)?.timer)
    this.#windows.delete(kind)
  }

  /** @returns whether there was something to tell */
  #tellSum(kind: string): boolean {
    const window = this.#windows.get(kind)
    if (window?.sum === undefined) return false
    this.#options.tellSum(window.sum, window.count, this.#options.windowMs)
    window.count = 0
    window.sum = undefined
    return true
  }
}
