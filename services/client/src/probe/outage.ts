import type { Connection } from '../connection.ts'
import { closedBy, type Failure } from '../failure.ts'
import type { Target } from '../target.ts'

/**
 * The outages of one session: each begins with a failure, counts from the last good exchange before it, and ends with the next good
 * one. What else fails in between belongs to the same outage.
 */
export class Outages {
  readonly #target: Target
  #lastGoodMs = performance.now()
  #last: Connection | undefined
  #current: { failure: Failure; closedBy: string; left: string | undefined; lostExchanges: number } | undefined

  constructor(target: Target) {
    this.#target = target
  }

  /** @param connected whether there was a connection that broke, not one that could not be made */
  failed(failure: Failure, connected: boolean, lostExchanges = 0): void {
    if (this.#current === undefined) {
      const { reason, error } = failure
      this.#current = {
        failure,
        closedBy: connected ? closedBy(reason) : 'none',
        left: this.#last && nameOf(this.#last),
        lostExchanges: 0,
      }
      this.#target.books.outages[reason]++
      this.#target.logger.warn({ reason, closedBy: this.#current.closedBy, server: this.#current.left, error }, 'outage began')
    }
    this.#current.lostExchanges += lostExchanges
  }

  /** Why exchanges fail at the moment. */
  get failure(): Failure | undefined {
    return this.#current?.failure
  }

  /** An exchange was answered on this connection. */
  succeeded(connection: Connection): void {
    const nowMs = performance.now()
    if (this.#current !== undefined) {
      this.#target.observer.outage(nowMs - this.#lastGoodMs)
      this.#target.logger.info({ ...this.#describe(nowMs), found: nameOf(connection) }, 'outage over')
      this.#current = undefined
    }
    this.#lastGoodMs = nowMs
    this.#last = connection
  }

  /** Tells of an outage that the client does not see the end of. */
  stop(): void {
    if (this.#current !== undefined) this.#target.logger.warn(this.#describe(performance.now()), 'outage not over')
  }

  #describe(nowMs: number): object {
    const { failure, closedBy, left, lostExchanges } = this.#current ?? {}
    return { reason: failure?.reason, closedBy, durationMs: Math.round(nowMs - this.#lastGoodMs), lostExchanges, left }
  }
}

/** How logs call the server at the other end. */
export function nameOf({ serverName, remoteAddress }: Connection): string {
  return serverName === undefined ? remoteAddress : `${serverName} at ${remoteAddress}`
}
