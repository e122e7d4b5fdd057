import type { Connection } from '../../connect/connection.ts'
import { type ClosedBy, closedBy, type Failure } from '../../failure.ts'
import type { Target } from '../../target.ts'
import type { SessionEvent, TargetLog } from './session-log.ts'

/**
 * The outages of one session: each begins with a failure, counts from the last good exchange before it, and ends with the next good
 * one. What else fails in between belongs to the same outage.
 */
export class Outages {
  readonly #target: Target
  readonly #log: TargetLog
  #lastGoodMs = performance.now()
  #last: Connection | undefined
  #current: { failure: Failure; closedBy: ClosedBy; left: string | undefined; lostExchanges: number } | undefined

  constructor(target: Target, log: TargetLog) {
    this.#target = target
    this.#log = log
  }

  /** @param connected whether there was a connection that broke, not one that could not be made */
  failed(failure: Failure, connected: boolean, lostExchanges = 0): void {
    if (this.#current === undefined) {
      const { reason, error } = failure
      const closer = connected ? closedBy(reason) : 'none'
      const left = this.#last && nameOf(this.#last)
      this.#current = { failure, closedBy: closer, left, lostExchanges: 0 }
      this.#target.counters.outages[reason]++
      this.#log.add({
        level: 'warn',
        message: 'outage began',
        messageOfMany: 'outages began',
        kind: { reason, closedBy: closer },
        details: { server: left, error },
      })
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
      const { left } = this.#current
      this.#tell({ level: 'info', message: 'outage over', details: { left, found: nameOf(connection) } }, nowMs)
      this.#current = undefined
    }
    this.#lastGoodMs = nowMs
    this.#last = connection
  }

  /** Tells of an outage that the client does not see the end of. */
  stop(): void {
    const { left } = this.#current ?? {}
    this.#tell({ level: 'warn', message: 'outage not over', details: { left } }, performance.now())
  }

  #tell(event: Pick<SessionEvent, 'level' | 'message' | 'details'>, nowMs: number): void {
    if (this.#current === undefined) return
    const { failure, closedBy, lostExchanges } = this.#current
    this.#log.add({
      ...event,
      messageOfMany: event.message.replace('outage', 'outages'),
      kind: { reason: failure.reason, closedBy },
      durationMs: Math.round(nowMs - this.#lastGoodMs),
      counts: { lostExchanges },
    })
  }
}

/** How logs call the server at the other end. */
export function nameOf({ serverName, remoteAddress }: Connection): string {
  return serverName === undefined ? remoteAddress : `${serverName} at ${remoteAddress}`
}
