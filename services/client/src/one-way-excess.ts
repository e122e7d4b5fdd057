/** The least value of a time, and when it was seen; ms. */
interface Least {
  readonly valueMs: number
  readonly atMs: number
}

/** The least values of one window. The round trip is without the server's own time. */
interface Window {
  readonly startMs: number
  toServer: Least
  fromServer: Least
  roundTripMs: number
}

const WINDOW_MS = 30_000
const WINDOWS = 10

/** NTP slews a clock by at most this: a steeper slope is a change of the path. */
const MAX_DRIFT = 500e-6

/**
 * The excess delay of each direction over its least of the last five minutes, between two clocks that are not synchronized and that drift. The
 * difference of the clocks is part of both directions' times with opposite signs, so a drift moves their minima apart, while the round trip is
 * free of it.
 */
export class OneWayExcess {
  /** Of the last exchange, ms. */
  toServerMs = 0
  fromServerMs = 0
  #windows: Window[] = []
  /** Of the server's clock against the client's: seconds per second. */
  #drift = 0

  /**
   * Times of one exchange, ms: those of the client on its clock, those of the server on its own.
   * @param stalledMs how long the server was blocked before it read the request, at most
   */
  add(sentMs: number, serverReceivedMs: number, serverSentMs: number, receivedMs: number, stalledMs: number): void {
    const toServer = { valueMs: serverReceivedMs - sentMs, atMs: sentMs }
    const fromServer = { valueMs: receivedMs - serverSentMs, atMs: receivedMs }
    const roundTripMs = toServer.valueMs + fromServer.valueMs
    // It is not known how much of the stall this request had to wait: without an upper bound of the delay there is no minimum either.
    if (stalledMs === 0) this.#remember(toServer, fromServer, roundTripMs)
    if (this.#windows.length === 0) return
    // In both directions together, the excess is that of the round trip.
    const leastMs = Math.min(...this.#windows.map(window => window.roundTripMs))
    const mostMs = Math.max(0, roundTripMs - stalledMs - leastMs)
    const excessMs = (now: Least, least: Least, drift: number, blockedMs: number) =>
      Math.min(mostMs, Math.max(0, now.valueMs - blockedMs - least.valueMs - drift * (now.atMs - least.atMs)))
    const toServerMs = this.#windows.map(window => excessMs(toServer, window.toServer, this.#drift, stalledMs))
    const fromServerMs = this.#windows.map(window => excessMs(fromServer, window.fromServer, -this.#drift, 0))
    this.toServerMs = Math.max(...toServerMs)
    this.fromServerMs = Math.max(...fromServerMs)
  }

  #remember(toServer: Least, fromServer: Least, roundTripMs: number): void {
    const window = this.#windows.at(-1)
    if (window === undefined || toServer.atMs - window.startMs >= WINDOW_MS) {
      this.#drift = driftOf(this.#windows)
      this.#windows = [...this.#windows.slice(1 - WINDOWS), { startMs: toServer.atMs, toServer, fromServer, roundTripMs }]
      return
    }
    if (toServer.valueMs - window.toServer.valueMs < this.#drift * (toServer.atMs - window.toServer.atMs))
      window.toServer = toServer
    if (fromServer.valueMs - window.fromServer.valueMs < -this.#drift * (fromServer.atMs - window.fromServer.atMs))
      window.fromServer = fromServer
    window.roundTripMs = Math.min(window.roundTripMs, roundTripMs)
  }
}

/**
 * The drift that the minima of successive windows show: their median slope. A path that becomes longer or shorter moves the minima once and in one
 * direction only, so its slope is one of many, and the largest of two.
 */
function driftOf(windows: readonly Window[]): number {
  const slopes = windows.slice(1).flatMap((window, index) => {
    const before = windows[index] as Window
    return [slope(before.toServer, window.toServer), -slope(before.fromServer, window.fromServer)]
  })
  const ordered = slopes.filter(value => Math.abs(value) <= MAX_DRIFT).sort((a, b) => a - b)
  const [low = 0, high = 0] = [ordered[Math.floor((ordered.length - 1) / 2)], ordered[Math.floor(ordered.length / 2)]]
  return Math.abs(low) < Math.abs(high) ? low : high
}

const slope = (from: Least, to: Least) => (to.valueMs - from.valueMs) / (to.atMs - from.atMs)
