import type { CloseReason } from '../reasons.ts'

/** Times in ms; 0 = never. */
export interface LifetimeLimits {
  readonly idleTimeout: number
  readonly slowReaderTimeout: number
  readonly maxAge: number
  /** Silence after which the kernel probes the peer. */
  readonly keepAlive: number
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
  /** The peer has ended its side. */
  readonly peerEnded: boolean
  /** The protocol has a message that asks the peer to close. */
  readonly canAskToClose: boolean
  /** Why the connection is draining, if it is. */
  readonly draining: DrainReason | undefined
  /** Why the connection is ending, if it is. */
  readonly reason: CloseReason | undefined
}

/** What a connection must do now. */
export type Step =
  | { readonly action: 'keepAlive'; readonly silenceMs: number }
  | { readonly action: 'drain'; readonly reason: DrainReason; readonly graceMs: number }
  | { readonly action: 'end' | 'terminate'; readonly reason: CloseReason }

/** How long a peer may take to end its side after the server has ended its own. */
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
  readonly #limits: LifetimeLimits
  /** 0 = never. */
  readonly #maxAgeAtMs: number
  #movedBytes = 0
  #movedAtMs: number
  /** When the connection is terminated; 0 = not. */
  #deadlineMs = 0
  #isNew = true
  #lingers = false

  /** @param random from 0 to below 1: this connection's share of the jitter */
  constructor(limits: LifetimeLimits, openedAtMs: number, random: number) {
    this.#limits = limits
    this.#movedAtMs = openedAtMs
    this.#maxAgeAtMs = limits.maxAge > 0 ? openedAtMs + Math.ceil(limits.maxAge * (1 - random * MAX_AGE_JITTER)) : 0
  }

  /** The step that is due, if any. A limit is met with the precision with which this is called. */
  next(nowMs: number, state: LifetimeState): Step | undefined {
    if (state.ended && !this.#lingers) this.#linger(nowMs, state)
    if (this.#deadlineMs > 0 && nowMs >= this.#deadlineMs) {
      return { action: 'terminate', reason: state.reason ?? state.draining ?? 'error' }
    }
    if (this.#maxAgeAtMs > 0 && nowMs >= this.#maxAgeAtMs && state.draining === undefined && !state.ended) {
      this.#deadlineMs = nowMs + MAX_AGE_GRACE_MS
      return { action: 'drain', reason: 'max_age', graceMs: MAX_AGE_GRACE_MS }
    }
    return this.#keepAlive() ?? this.#silence(nowMs, state)
  }

  /** Four system calls that connections shorter than the first call are spared. */
  #keepAlive(): Step | undefined {
    const isNew = this.#isNew
    this.#isNew = false
    const silenceMs = this.#limits.keepAlive
    return isNew && silenceMs > 0 ? { action: 'keepAlive', silenceMs } : undefined
  }

  #silence(nowMs: number, state: LifetimeState): Step | undefined {
    const { movedBytes, draining } = state
    if (movedBytes !== this.#movedBytes) {
      this.#movedBytes = movedBytes
      this.#movedAtMs = nowMs
      return undefined
    }
    const silenceMs = nowMs - this.#movedAtMs
    const { slowReaderTimeout, idleTimeout } = this.#limits
    if (exceeds(silenceMs, slowReaderTimeout) && state.waitingBytes > 0) return { action: 'terminate', reason: 'slow_reader' }
    if (state.ended) return undefined
    if (draining !== undefined && silenceMs >= DRAIN_QUIET_MS && !state.canAskToClose && state.bufferedBytes === 0) {
      return { action: 'end', reason: draining }
    }
    return exceeds(silenceMs, idleTimeout) ? { action: 'end', reason: 'idle_timeout' } : undefined
  }

  /** Gives the peer time to end its side as well. A draining server terminates all remaining connections itself. */
  #linger(nowMs: number, { peerEnded, reason }: LifetimeState): void {
    this.#lingers = true
    if (peerEnded || reason === 'drained') return
    const deadlineMs = nowMs + LINGER_MS
    if (this.#deadlineMs === 0 || deadlineMs < this.#deadlineMs) this.#deadlineMs = deadlineMs
  }
}

function exceeds(silenceMs: number, limitMs: number): boolean {
  return limitMs > 0 && silenceMs >= limitMs
}

/**
 * How often `next` must be called: limits are met within a tenth of the shortest one, and the maximum age within a tenth of its jitter,
 * without which connections opened together would end together.
 */
export function sweepIntervalMs({ idleTimeout, slowReaderTimeout, maxAge }: LifetimeLimits): number {
  const limits = [idleTimeout, slowReaderTimeout, maxAge * MAX_AGE_JITTER].filter(limitMs => limitMs > 0)
  return Math.max(50, Math.min(500, ...limits.map(limitMs => limitMs / 10)))
}
