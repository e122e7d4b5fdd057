import type { Connection } from './connect/connection.ts'
import { OneWayExcess } from './one-way-excess.ts'

/** Servers whose clocks are remembered: behind a load balancer there may be many. */
const MAX_CLOCKS = 100

/** What the times in PONGs show (probe). */
export interface ServerTimesObserver {
  /** Time that the server took for a request, including the time that its event loop was blocked. */
  serverTime(durationMs: number): void
  oneWayExcess(toServerMs: number, fromServerMs: number): void
}

/** Turns the times in the PONGs of a target into durations. */
export class ServerTimes {
  readonly #observer: ServerTimesObserver
  /** By boot: each process has a clock of its own. */
  readonly #clocks = new Map<unknown, OneWayExcess>()

  constructor(observer: ServerTimesObserver) {
    this.#observer = observer
  }

  /**
   * @param sentMs @param receivedMs on the client's clock; the others are on the server's
   * @param suspect whether the client itself took most of the round trip
   */
  add(
    { hello }: Connection,
    { sentMs, receivedMs }: { readonly sentMs: number; readonly receivedMs: number },
    { receivedUs, sentUs, stalledUs }: { readonly receivedUs: number; readonly sentUs: number; readonly stalledUs: number },
    suspect: boolean,
  ): void {
    // The request may have arrived in the middle of the stall.
    this.#observer.serverTime(Math.min((sentUs - receivedUs + stalledUs) / 1_000, receivedMs - sentMs))
    if (suspect) return
    const clock = this.#clockOf(hello?.boot)
    clock.add(sentMs, receivedUs / 1_000, sentUs / 1_000, receivedMs, stalledUs / 1_000)
    this.#observer.oneWayExcess(clock.toServerMs, clock.fromServerMs)
  }

  #clockOf(boot: unknown): OneWayExcess {
    const known = this.#clocks.get(boot)
    if (known !== undefined) return known
    const clock = new OneWayExcess()
    if (this.#clocks.size === MAX_CLOCKS) this.#clocks.delete(this.#clocks.keys().next().value)
    this.#clocks.set(boot, clock)
    return clock
  }
}
