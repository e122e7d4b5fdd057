export interface FloodOptions<Item> {
  /** Items of one kind that are logged individually before the rest are summarized. */
  readonly singles: number
  readonly windowMs: number
  readonly log: (item: Item) => void
  /** Logs `count` items in one line; `summary` is the result of `add`. */
  readonly logSummary: (summary: Item, count: number, windowMs: number) => void
  /** Adds an item to a summary, initially the first item; by default the first item stays the summary. */
  readonly add?: (summary: Item, item: Item) => Item
}

interface Window<Item> {
  singles: number
  count: number
  summary: Item | undefined
  readonly timer: NodeJS.Timeout
}

/** Rate-limits log lines that peers can cause: the first items of a kind are logged immediately, the rest as one summary per window. */
export class FloodLog<Item> {
  readonly #options: FloodOptions<Item>
  readonly #windows = new Map<string, Window<Item>>()

  constructor(options: FloodOptions<Item>) {
    this.#options = options
  }

  /** @param kind from a small fixed set: it must not contain text from a peer */
  add(kind: string, item: Item): void {
    const { singles, log, add } = this.#options
    const window = this.#windows.get(kind) ?? this.#open(kind)
    if (window.singles < singles) {
      window.singles++
      log(item)
      return
    }
    window.count++
    window.summary = window.summary === undefined ? item : (add?.(window.summary, item) ?? window.summary)
  }

  /** Logs the pending summaries. Call before the log is closed. */
  flush(): void {
    for (const kind of [...this.#windows.keys()]) this.#close(kind)
  }

  #open(kind: string): Window<Item> {
    // While the flood lasts, each summary opens the next window.
    const timer = setInterval(() => this.#logSummary(kind) || this.#close(kind), this.#options.windowMs)
    timer.unref()
    const window = { singles: 0, count: 0, summary: undefined, timer }
    this.#windows.set(kind, window)
    return window
  }

  #close(kind: string): void {
    this.#logSummary(kind)
    clearInterval(this.#windows.get(kind)?.timer)
    this.#windows.delete(kind)
  }

  /** @returns false if nothing was pending */
  #logSummary(kind: string): boolean {
    const window = this.#windows.get(kind)
    if (window?.summary === undefined) return false
    this.#options.logSummary(window.summary, window.count, this.#options.windowMs)
    window.count = 0
    window.summary = undefined
    return true
  }
}
