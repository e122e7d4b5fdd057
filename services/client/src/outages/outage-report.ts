import type { FailureReason } from '../failure.ts'
import type { Attribution } from './evidence.ts'
import type { OutageTimes } from './outage.ts'

/** An outage of one session, when it is over or the client stops. */
export interface OutageReport extends Attribution, OutageTimes {
  /** Of its first failure. */
  readonly reason: FailureReason
  readonly lostExchanges: number
  /** The address, where the target has several. */
  readonly peer?: string
  /** The servers of the last good reply before it and of the first one after it. */
  readonly left: string | undefined
  readonly found: string | undefined
  /** False if the client stopped first: the outage was at least this long. */
  readonly over: boolean
}
