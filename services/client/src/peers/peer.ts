import { Availability } from '../outages/availability.ts'
import { round } from '../round.ts'

/** Counters of a peer; durations in ms. They never decrease. */
export interface PeerTotals {
  /** Completed exchanges, successful or failed. */
  readonly exchanges: number
  readonly failures: number
  readonly roundTripMs: number
  /** Time without a working session, after the first success. */
  readonly outageMs: number
}

export const NO_TOTALS: PeerTotals = { exchanges: 0, failures: 0, roundTripMs: 0, outageMs: 0 }

/** A peer as `/targets` and the page show it; times in ms. */
export interface PeerDescription {
  readonly address: string
  /** Null until it is known. */
  readonly server: string | null
  readonly state: PeerState
  readonly reason?: string
  /** ISO 8601. */
  readonly since: string
  readonly roundTripMs: number | null
  readonly exchanges: number
  readonly failures: number
  readonly outages: number
  readonly outageMs: number
  readonly handovers: number
}

export type PeerState = 'untried' | 'good' | 'failing'

/** One address of a target. Its sessions report to it; metrics and `/targets` read it. */
export class Peer {
  readonly address: string
  readonly availability = new Availability()
  /** The name in HELLO of the last connection (probe). */
  server: string | undefined
  readonly #met: (server: string) => void
  #state: PeerState = 'untried'
  /** Why the last exchange or attempt to connect failed. */
  #reason: string | undefined
  /** When the state changed: wall clock, ms. */
  #sinceMs = Date.now()
  #exchanges = 0
  #failures = 0
  #outages = 0
  #handovers = 0
  #roundTripMs = 0
  #lastRoundTripMs: number | undefined

  /** @param met called with the name of the server when it becomes known or changes */
  constructor(address: string, met: (server: string) => void = () => {}) {
    this.address = address
    this.#met = met
  }

  get state(): PeerState {
    return this.#state
  }

  totals(nowMs = performance.now()): PeerTotals {
    return {
      exchanges: this.#exchanges,
      failures: this.#failures,
      roundTripMs: this.#roundTripMs,
      outageMs: this.availability.downMs(nowMs),
    }
  }

  /** A session or a fresh connection is ready. */
  connected({ hello }: { readonly hello: Readonly<Record<string, unknown>> | undefined }): void {
    if (hello === undefined || hello.server === this.server) return
    this.server = String(hello.server)
    this.#met(this.server)
  }

  /** An attempt to connect failed while there was no connection. */
  notConnected(reason: string): void {
    this.#become('failing', reason)
  }

  answered(roundTripMs: number): void {
    this.#exchanges++
    this.#roundTripMs += roundTripMs
    this.#lastRoundTripMs = roundTripMs
    if (this.#state !== 'good') this.#become('good')
  }

  /** Exchanges failed: they got no correct reply in time, or were never sent. */
  failed(reason: string, exchanges = 1): void {
    this.#exchanges += exchanges
    this.#failures += exchanges
    if (exchanges > 0) this.#become('failing', reason)
  }

  outageBegan(): void {
    this.#outages++
  }

  handedOver(): void {
    this.#handovers++
  }

  /** For `/targets`. */
  describe(): PeerDescription {
    const lastRoundTripMs = this.#lastRoundTripMs
    return {
      address: this.address,
      server: this.server ?? null,
      state: this.#state,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      since: new Date(this.#sinceMs).toISOString(),
      roundTripMs: lastRoundTripMs === undefined ? null : round(lastRoundTripMs),
      exchanges: this.#exchanges,
      failures: this.#failures,
      outages: this.#outages,
      outageMs: Math.round(this.availability.downMs()),
      handovers: this.#handovers,
    }
  }

  #become(state: PeerState, reason?: string): void {
    this.#reason = reason
    if (state === this.#state) return
    this.#state = state
    this.#sinceMs = Date.now()
  }
}
