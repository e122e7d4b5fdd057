import type { CloseReason } from '../reasons.ts'

/** Times in ms; 0 = never. */
export interface LifetimeLimits {
  readonly idleTimeout: number
  readonly slowReaderTimeout: number
  readonly maxAge: number
  /** Idle time before the kernel sends keep-alive probes. */
  readonly keepAlive: number
}

/** Why a connection is draining: it ends as soon as no message is in progress. */
export type DrainReason = 'drained' | 'max_age'

/** The state of a connection that its lifetime depends on. */
export interface LifetimeState {
  /** Bytes received and sent so far. */
  readonly movedBytes: number
  /** Bytes that the kernel has not accepted because the peer does not read. */
  readonly waitingBytes: number
  /** All bytes written but not sent. */
  readonly bufferedBytes: number
  /** The server has half-closed the connection. */
  readonly ended: boolean
  /** The peer has half-closed the connection. */
  readonly peerEnded: boolean
  /** The protocol has a message that asks the peer to close. */
  readonly canAskToClose: boolean
  /** Defined while the connection is draining. */
  readonly draining: DrainReason | undefined
  /** Defined if the connection is ending. */
  readonly reason: CloseReason | undefined
}

/** The action that a connection must take now. */
export type Step =
  | { readonly action: 'keepAlive'; readonly silenceMs: number }
  | { readonly action: 'drain'; readonly reason: DrainReason; readonly graceMs: number }
  | { readonly action: 'end' | 'terminate'; readonly reason: CloseReason }

/** Time allowed for a peer to close after the server has half-closed. */
export const LINGER_MS = 2_000

/** Time allowed for a peer to close a connection that has reached its maximum age. */
export const MAX_AGE_GRACE_MS = 10_000

/** Each connection's maximum age is reduced by up to this share, so that connections opened together do not all end together. */
export const MAX_AGE_JITTER = 0.1

/**
 * A draining connection ends after being idle for this long. With a client that sends requests at regular, shorter intervals, it ends
 * directly after a reply instead, when the next request is farthest away.
 */
export const DRAIN_QUIET_MS = 1_500

/** Applies the time limits of one connection. Times are whole milliseconds of one clock. */
export class Lifetime {
  readonly #limits: LifetimeLimits
  /** 0 = never. */
  readonly #maxAgeAtMs: number
  #movedBytes = 0
  #movedAtMs: number
  /** When the connection will be terminated; 0 = never. */
  #deadlineMs = 0
  #isNew = true
  #lingers = false

  /** @param random in [0, 1): this connection's share of the jitter */
  constructor(limits: LifetimeLimits, openedAtMs: number, random: number) {
    this.#limits = limits
    this.#movedAtMs = openedAtMs
    this.#maxAgeAtMs = limits.maxAge > 0 ? openedAtMs + Math.ceil(limits.maxAge * (1 - random * MAX_AGE_JITTER)) : 0
  }

  /** Returns the step that is due, if any. The calling interval determines the precision of the limits. */
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

  /** Keep-alive is enabled at the first call, which saves shorter connections four system calls. */
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

  /** Gives the peer time to close its side too. A draining server terminates all remaining connections itself. */
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
 * The interval at which to call `next`: a tenth of the shortest limit or, for the maximum age, a tenth of its jitter, because a longer
 * interval would end connections together.
 */
export function sweepIntervalMs({ idleTimeout, slowReaderTimeout, maxAge }: LifetimeLimits): number {
  const limits = [idleTimeout, slowReaderTimeout, maxAge * MAX_AGE_JITTER].filter(limitMs => limitMs > 0)
  return Math.max(50, Math.min(500, ...limits.map(limitMs => limitMs / 10)))
}
