import type { Observer } from '../../observer.ts'
import type { OutageReport } from '../../outages/outage-report.ts'
import { Histogram } from '../../report/histogram.ts'

/** A server that flaps for hours must not exhaust the memory. */
const MAX_LISTED = 1_000

/** An outage with its place in time. */
export interface TimedOutage extends OutageReport {
  /** ISO 8601. */
  readonly startedAt: string
}

/** What a report of one target needs besides its counters. */
export class WindowFigures {
  /** From the intended start. */
  readonly latencies = new Histogram()
  /** The first ones; all of them are counted. */
  readonly outages: TimedOutage[] = []
  outageCount = 0
  longestOutageMs = 0

  /** Also takes what this observer is given. */
  observe(observer: Observer): Observer {
    return {
      ...observer,
      exchange: (durationMs, count) => {
        observer.exchange(durationMs, count)
        this.latencies.record(durationMs, count)
      },
      outage: outage => {
        observer.outage(outage)
        this.#add(outage)
      },
    }
  }

  #add(outage: OutageReport): void {
    this.outageCount++
    this.longestOutageMs = Math.max(this.longestOutageMs, outage.durationMs)
    if (this.outages.length === MAX_LISTED) return
    this.outages.push({ ...outage, startedAt: new Date(Date.now() - outage.durationMs).toISOString() })
  }
}
