import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { type Distribution, round } from './figures.ts'

/** What the load cost the client itself. */
export interface Strain {
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number
  /** How late timers fired: what everything that the client wants to do at some time has to wait. */
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly cpuSeconds: number
}

const RESOLUTION_MS = 10
const NS_PER_MS = 1_000_000

/** From these on, figures tell of the client and not of the server. */
const BUSY_UTILIZATION = 0.95
const LATE_P99_MS = 10

/** Watches the client from now on; the function that it gives ends that. */
export function watchClient(): () => Strain {
  const utilization = performance.eventLoopUtilization()
  const cpu = process.cpuUsage()
  const intervals = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  intervals.enable()
  return () => {
    intervals.disable()
    const { user, system } = process.cpuUsage(cpu)
    // The histogram holds the time between two timers, which is the delay on top of what they were set to.
    const delayMs = (ns: number) => (intervals.count === 0 ? 0 : round(Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)))
    return {
      eventLoopUtilization: round(performance.eventLoopUtilization(utilization).utilization),
      eventLoopDelayMs: {
        p50: delayMs(intervals.percentile(50)),
        p99: delayMs(intervals.percentile(99)),
        max: delayMs(intervals.max),
      },
      cpuSeconds: round((user + system) / 1_000_000),
    }
  }
}

/** Why the client itself was the bottleneck, in sentences; empty when it was not. */
export function bottlenecks({ eventLoopUtilization }: Strain, lags: readonly (Distribution | null)[]): string[] {
  const reasons: string[] = []
  if (eventLoopUtilization >= BUSY_UTILIZATION) {
    const percent = (share: number) => `${Math.round(share * 100)}%`
    reasons.push(`its event loop was busy ${percent(eventLoopUtilization)} of the time (from ${percent(BUSY_UTILIZATION)} on)`)
  }
  const lagMs = Math.max(...lags.map(lag => lag?.percentiles.p99 ?? 0))
  if (lagMs >= LATE_P99_MS) reasons.push(`the p99 of its schedule lag was ${lagMs} ms (from ${LATE_P99_MS} ms on)`)
  return reasons
}
