import type { Connection } from '../../connect/connection.ts'
import { type ClosedBy, closedBy, type Failure } from '../../failure.ts'
import type { OutageReport } from '../../outages/outage-report.ts'
import type { Target } from '../../target.ts'
import type { SessionEvent, SessionLog } from './session-log.ts'

interface Outage {
  readonly failure: Failure
  readonly closedBy: ClosedBy
  /** The server of the last good exchange. */
  readonly left: string | undefined
  lostExchanges: number
}

/**
 * The outages of one session. An outage begins with a failure, is measured from the last good exchange before it, and is over with the next good
 * exchange. Failures in between belong to the same outage.
 */
export class OutageTracker {
  readonly #target: Target
  readonly #log: SessionLog
  #lastGoodMs = performance.now()
  #last: Connection | undefined
  #current: Outage | undefined

  constructor(target: Target, log: SessionLog) {
    this.#target = target
    this.#log = log
  }

  /** @param event `connected`: whether a connection broke, not an attempt to make one */
  failed(failure: Failure, { connected, lostExchanges = 0 }: { connected: boolean; lostExchanges?: number }): void {
    this.#current ??= this.#begin(failure, connected ? closedBy(failure.reason) : 'none')
    this.#current.lostExchanges += lostExchanges
  }

  /** Why exchanges fail now; undefined while they succeed. */
  get failure(): Failure | undefined {
    return this.#current?.failure
  }

  /** An exchange was answered on this connection. */
  succeeded(connection: Connection): void {
    const nowMs = performance.now()
    if (this.#current !== undefined) {
      this.#report(nowMs, { found: connection.peerName, over: true })
      this.#add(
        { level: 'info', message: 'outage over', details: { left: this.#current.left, found: connection.peerName } },
        nowMs,
      )
      this.#current = undefined
    }
    this.#lastGoodMs = nowMs
    this.#last = connection
  }

  /** Logs an outage whose end the client will not see. */
  stop(): void {
    if (this.#current === undefined) return
    const nowMs = performance.now()
    this.#report(nowMs, { over: false })
    this.#add({ level: 'warn', message: 'outage not over', details: { left: this.#current.left } }, nowMs)
  }

  #begin(failure: Failure, closedBy: ClosedBy): Outage {
    const { reason, error } = failure
    const left = this.#last?.peerName
    this.#target.statistics.outageBegan(reason)
    this.#log.add({
      level: 'warn',
      message: 'outage began',
      messageOfMany: 'outages began',
      kind: { reason, closedBy },
      details: { server: left, error },
    })
    return { failure, closedBy, left, lostExchanges: 0 }
  }

  #report(nowMs: number, end: Pick<OutageReport, 'found' | 'over'>): void {
    if (this.#current === undefined) return
    const { failure, left, lostExchanges } = this.#current
    const durationMs = nowMs - this.#lastGoodMs
    this.#target.statistics.outageOver({ reason: failure.reason, durationMs, lostExchanges, left, ...end })
  }

  #add(event: Pick<SessionEvent, 'level' | 'message' | 'details'>, nowMs: number): void {
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
