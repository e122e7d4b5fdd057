import type { Logger } from '@nihao/service'
import type { Failure } from '../failure.ts'
import type { Attribution } from './evidence.ts'

/** Until its first success a target, or an address of it, is not yet up: what fails before that is no outage. */
export class FirstSuccess {
  readonly #logger: Logger
  readonly #sinceMs = performance.now()
  #up: boolean
  #logged = false

  /** @param up whether it succeeded already */
  constructor(logger: Logger, up = false) {
    this.#logger = logger
    this.#up = up
  }

  get up(): boolean {
    return this.#up
  }

  failed({ reason, error }: Failure): void {
    if (this.#up || this.#logged) return
    this.#logged = true
    this.#logger.warn({ reason, error }, 'target is not up yet')
  }

  succeeded(): void {
    if (this.#up) return
    this.#up = true
    if (this.#logged) this.#logger.info({ afterMs: Math.round(performance.now() - this.#sinceMs) }, 'target is up')
  }
}

/** What is known of a session's outage while it lasts. */
export interface FailingSession {
  readonly failure: Failure | undefined
  attribution(): Promise<Attribution | undefined>
}

/** Whether a target works as a whole: it is down while at least one of its sessions has an outage and none works. */
export class Availability<Session extends object> {
  readonly #working = new Set<Session>()
  /** The start of each session's outage. */
  readonly #failing = new Map<Session, number>()
  #downSinceMs: number | undefined
  #downMs = 0

  get down(): boolean {
    return this.#downSinceMs !== undefined
  }

  /** Sessions that have an outage. */
  get failing(): number {
    return this.#failing.size
  }

  /** The session whose outage began first, of those that have one. */
  get firstFailing(): { readonly session: Session; readonly sinceMs: number } | undefined {
    let first: { readonly session: Session; readonly sinceMs: number } | undefined
    for (const [session, sinceMs] of this.#failing)
      if (first === undefined || sinceMs < first.sinceMs) first = { session, sinceMs }
    return first
  }

  /** For how long it was down, all times together. */
  downMs(nowMs = performance.now()): number {
    return this.#downMs + (this.#downSinceMs === undefined ? 0 : nowMs - this.#downSinceMs)
  }

  works(session: Session, nowMs = performance.now()): void {
    this.#failing.delete(session)
    this.#working.add(session)
    this.#end(nowMs)
  }

  fails(session: Session, startMs: number): void {
    this.#working.delete(session)
    this.#failing.set(session, startMs)
    this.#begin()
  }

  /** The session ends: it neither works nor fails. */
  remove(session: Session, nowMs = performance.now()): void {
    this.#working.delete(session)
    this.#failing.delete(session)
    if (this.#failing.size === 0) this.#end(nowMs)
    else this.#begin()
  }

  #begin(): void {
    if (this.#working.size > 0 || this.#failing.size === 0) return
    // The last session to fail makes the target fail.
    this.#downSinceMs ??= Math.max(...this.#failing.values())
  }

  #end(nowMs: number): void {
    this.#downMs = this.downMs(nowMs)
    this.#downSinceMs = undefined
  }
}
