import type { CloseReason } from '../reasons.ts'

/** Times in ms; 0 = never. */
export interface LifetimeLimits {
  readonly idleTimeout: number
  readonly slowReaderTimeout: number
  readonly maxAge: number
}

/** Why a connection is asked to end as soon as no message is under way on it. */
export type DrainReason = 'drained' | 'max_age'

/** What a connection's lifetime depends on, besides time. */
export interface LifetimeState {
  /** Bytes received and sent so far. */
  readonly movedBytes: number
  /** Bytes that the kernel has not taken because the peer does not read. */
  readonly waitingBytes: number
  /** All bytes written but not sent. */
  readonly bufferedBytes: number
  /** The server has ended its side. */
  readonly ended: boolean
  /** The protocol has a message that asks the peer to close. */
  readonly canAskToClose: boolean
  /** Why the connection is ending, if it is. */
  readonly reason: CloseReason | undefined
}

/** What a connection must do now. */
export type Step =
  | { readonly action: 'drain'; readonly reason: DrainReason; readonly graceMs: number }
  | { readonly action: 'end' | 'terminate'; readonly reason: CloseReason }

/** How long a peer may take to close its side after the server has ended its own. */
export const LINGER_MS = 2_000

/** How long a peer may take to close a connection that has reached its maximum age. */
export const MAX_AGE_GRACE_MS = 10_000

/** Each connection's maximum age is shorter by up to this share: connections opened together must not all end together. */
export const MAX_AGE_JITTER = 0.1

/**
 * A draining connection ends after this much silence. Clients that ask at regular, shorter intervals end right behind a reply instead, when
 * their next request is farthest away.
 */
export const DRAIN_QUIET_MS = 1_500

/** Decides what time does to one connection. Times are whole milliseconds of one clock. */
export class Lifetime {
  /** Why the connection is draining, if it is. */
  draining: DrainReason | undefined
  readonly #limits: LifetimeLimits
  /** 0 = never. */
  readonly #maxAgeAtMs: number
  #movedBytes = 0
  #movedAtMs: number
  /** When the connection is terminated; 0 = not. */
  #deadlineMs = 0

  /** @param random from 0 to below 1: this connection's share of the jitter */
  constructor(limits: LifetimeLimits, openedAtMs: number, random: number) {
    this.#limits = limits
    this.#movedAtMs = openedAtMs
    this.#maxAgeAtMs = limits.maxAge > 0 ? openedAtMs + Math.ceil(limits.maxAge * (1 - random * MAX_AGE_JITTER)) : 0
  }

  /** Starts to drain. After `graceMs` the connection is terminated; 0 = not here. */
  drain(reason: DrainReason, nowMs: number, graceMs: number): void {
    this.draining = reason
    this.#terminateAfter(graceMs, nowMs)
  }

  /** The server has ended its side, and terminates the connection after `lingerMs`; 0 = not. */
  ended(nowMs: number, lingerMs: number): void {
    this.#terminateAfter(lingerMs, nowMs)
  }

  /** The step that is due, if any. A limit is met with the precision with which this is called. */
  next(nowMs: number, state: LifetimeState): Step | undefined {
    if (this.#deadlineMs > 0 && nowMs >= this.#deadlineMs) {
      return { action: 'terminate', reason: state.reason ?? this.draining ?? 'error' }
    }
    if (this.#maxAgeAtMs > 0 && nowMs >= this.#maxAgeAtMs && this.draining === undefined) {
      return { action: 'drain', reason: 'max_age', graceMs: MAX_AGE_GRACE_MS }
    }
    const { movedBytes } = state
    if (movedBytes !== this.#movedBytes) {
      this.#movedBytes = movedBytes
      this.#movedAtMs = nowMs
      return undefined
    }
    const silenceMs = nowMs - this.#movedAtMs
    const { slowReaderTimeout, idleTimeout } = this.#limits
    if (exceeds(silenceMs, slowReaderTimeout) && state.waitingBytes > 0) return { action: 'terminate', reason: 'slow_reader' }
    if (state.ended) return undefined
    if (this.draining !== undefined && silenceMs >= DRAIN_QUIET_MS && !state.canAskToClose && state.bufferedBytes === 0) {
      return { action: 'end', reason: this.draining }
    }
    return exceeds(silenceMs, idleTimeout) ? { action: 'end', reason: 'idle_timeout' } : undefined
  }

  #terminateAfter(delayMs: number, nowMs: number): void {
    if (delayMs === 0) return
    const deadlineMs = nowMs + delayMs
    if (this.#deadlineMs === 0 || deadlineMs < this.#deadlineMs) this.#deadlineMs = deadlineMs
  }
}

function exceeds(silenceMs: number, limitMs: number): boolean {
  return limitMs > 0 && silenceMs >= limitMs
}

/**
 * How often `next` must be called: limits are met within a tenth of the shortest one, and the maximum age within a tenth of its jitter,
 * without which connections opened together would end together. Ten thousand connections take a few milliseconds.
 */
export function sweepIntervalMs({ idleTimeout, slowReaderTimeout, maxAge }: LifetimeLimits): number {
  const limits = [idleTimeout, slowReaderTimeout, maxAge * MAX_AGE_JITTER].filter(limitMs => limitMs > 0)
  return Math.max(50, Math.min(500, ...limits.map(limitMs => limitMs / 10)))
}
