const DAY_MS = 86_400_000

/** A certificate is reported once when it has this many days left. */
const REPORTED_DAYS = [14, 7, 3, 1, 0]

const CHECK_INTERVAL_MS = 3_600_000

/** Reports the certificates that expire soon. Times are of the wall clock, ms. */
export class ExpiryWatch {
  readonly #expiresAtMs: () => number | undefined
  readonly #expiresSoon: (expiresAtMs: number) => void
  readonly #now: () => number
  #reported = { expiresAtMs: Number.NaN, days: Number.NaN }

  /** @param expiresAtMs of the certificates in use; undefined or NaN = there are none */
  constructor(expiresAtMs: () => number | undefined, expiresSoon: (expiresAtMs: number) => void, now: () => number = Date.now) {
    this.#expiresAtMs = expiresAtMs
    this.#expiresSoon = expiresSoon
    this.#now = now
  }

  /** Checks now and every hour, until the process exits. */
  start(): void {
    this.check()
    setInterval(() => this.check(), CHECK_INTERVAL_MS).unref()
  }

  check(): void {
    const expiresAtMs = this.#expiresAtMs() ?? Number.NaN
    const daysLeft = (expiresAtMs - this.#now()) / DAY_MS
    const days = REPORTED_DAYS.findLast(days => daysLeft <= days)
    if (days === undefined || (expiresAtMs === this.#reported.expiresAtMs && days === this.#reported.days)) return
    this.#reported = { expiresAtMs, days }
    this.#expiresSoon(expiresAtMs)
  }
}
