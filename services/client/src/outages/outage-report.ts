import type { FailureReason } from '../failure.ts'
import type { Evidence, Side } from './evidence.ts'

/** An outage of one session, when it is over or the client stops. */
export interface OutageReport {
  /** Of its first failure. */
  readonly reason: FailureReason
  readonly side?: Side
  /** What the side is named on. */
  readonly evidence?: Evidence
  /** The best estimate of its length. */
  readonly durationMs: number
  /** The upper bound of its length. */
  readonly atMostMs?: number
  readonly lostExchanges: number
  /** The servers of the last good exchange before it and of the first one after it. */
  readonly left?: string | undefined
  readonly found?: string | undefined
  /** False where the client stopped before the outage was over: it is at least this long. */
  readonly over: boolean
}
