import type { Failure } from '../failure.ts'

/** A time without a working session. Times are of the monotonic clock, ms. */
export interface Outage {
  /** Why it began. */
  readonly failure: Failure
  /** The intended start of the first lost exchange, or the break of the connection if that was earlier. */
  readonly startMs: number
  /** Undefined where no exchange of this session was answered before. */
  readonly lastGoodMs: number | undefined
  /** Why the first attempt to reconnect failed. */
  connectFailure: Failure | undefined
  lostExchanges: number
}

/** An outage that is over. */
export interface OutageTimes {
  readonly durationMs: number
  readonly atMostMs: number
}

/** The best estimate of an outage's length, and its upper bound: from the last good reply. */
export function timesOf({ startMs, lastGoodMs = startMs }: Outage, endMs: number): OutageTimes {
  return { durationMs: endMs - startMs, atMostMs: endMs - Math.min(startMs, lastGoodMs) }
}

/**
 * Decides what counts as an outage of one session. A connection that ends without a lost exchange and is replaced before the next exchange is
 * due is a reconnect. An outage begins when an exchange is lost, or is due without a connection, and is over with the next good reply.
 */
export class OutageState {
  #lastGoodMs: number | undefined
  /** The last connection ended, and no other has taken its place. */
  #break: { readonly failure: Failure; readonly atMs: number } | undefined
  #connectFailure: Failure | undefined
  #outage: Outage | undefined
  #over: { readonly outage: Outage; readonly endMs: number } | undefined
  #lastOverMs = Number.NEGATIVE_INFINITY

  get outage(): Outage | undefined {
    return this.#outage
  }

  /** Why exchanges fail now; undefined where no failure is known. */
  get failure(): Failure | undefined {
    return this.#outage?.failure ?? this.#break?.failure ?? this.#connectFailure
  }

  /** The connection to send on ended. */
  broke(failure: Failure, atMs: number): void {
    this.#break ??= { failure, atMs }
  }

  /** An attempt to connect failed. */
  notConnected(failure: Failure): void {
    this.#connectFailure ??= failure
    if (this.#outage !== undefined) this.#outage.connectFailure ??= failure
  }

  /** @returns why the connection was replaced that ended without an outage; undefined where it did not end */
  connected(): Failure | undefined {
    const broken = this.#break
    this.#break = undefined
    if (this.#outage !== undefined) return undefined
    this.#connectFailure = undefined
    return broken?.failure
  }

  /**
   * An exchange was due without a connection. A session that never worked has nothing to interrupt: for it only a lost exchange counts.
   * @returns true if this begins an outage
   */
  due(intendedMs: number): boolean {
    if (this.#lastGoodMs === undefined || this.#outage !== undefined) return false
    this.#begin(this.failure ?? { reason: 'timeout' }, intendedMs)
    return true
  }

  /**
   * An exchange was lost. One that was due before the end of the last outage belongs to that.
   * @returns true if this begins an outage
   */
  lost(failure: Failure, intendedMs: number): boolean {
    const { outage } = this
    if (outage !== undefined) outage.lostExchanges++
    else if (this.#over !== undefined && intendedMs < this.#over.endMs) this.#over.outage.lostExchanges++
    else {
      this.#begin(failure, intendedMs).lostExchanges++
      return true
    }
    return false
  }

  /** An exchange was answered. @returns the outage that is over with that */
  succeeded(nowMs: number): Outage | undefined {
    this.#lastGoodMs = nowMs
    const over = this.#outage
    if (over === undefined) return undefined
    this.#outage = undefined
    this.#over = { outage: over, endMs: nowMs }
    this.#lastOverMs = nowMs
    this.#break = undefined
    this.#connectFailure = undefined
    return over
  }

  /** Its lost exchanges were told: one that was lost with it later begins another outage. */
  reported(outage: Outage): void {
    if (this.#over?.outage === outage) this.#over = undefined
  }

  #begin(failure: Failure, intendedMs: number): Outage {
    this.#outage = {
      failure,
      startMs: Math.max(this.#lastOverMs, Math.min(intendedMs, this.#break?.atMs ?? intendedMs)),
      lastGoodMs: this.#lastGoodMs,
      connectFailure: this.#connectFailure,
      lostExchanges: 0,
    }
    return this.#outage
  }
}
