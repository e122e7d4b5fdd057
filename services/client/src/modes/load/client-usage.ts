import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Distribution } from '../../report/distribution.ts'
import { round } from '../../round.ts'

/** How busy the event loop of a thread was during the load. */
export interface LoopUsage {
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number
  /** Delay of timers. */
  readonly eventLoopDelayMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null }
}

/** Resource usage of the client during the load; of several threads, the event loop that was the busiest. */
export interface ClientUsage extends LoopUsage {
  readonly threads: number
  readonly cpuSeconds: number
}

const RESOLUTION_MS = 10
const NS_PER_MS = 1_000_000

/** At or above these values, the results describe the client rather than the server. */
const BUSY_UTILIZATION = 0.95
const LATE_P99_MS = 10

/** Starts measuring the event loop of the current thread. @returns a function that stops and returns the usage */
export function measureLoop(): () => LoopUsage {
  const utilization = performance.eventLoopUtilization()
  const intervals = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  intervals.enable()
  return () => {
    intervals.disable()
    // The histogram records the time between two timers: the resolution plus the delay.
    const delayMs = (ns: number) => (intervals.count === 0 ? null : round(Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)))
    return {
      eventLoopUtilization: round(performance.eventLoopUtilization(utilization).utilization),
      eventLoopDelayMs: {
        p50: delayMs(intervals.percentile(50)),
        p99: delayMs(intervals.percentile(99)),
        max: delayMs(intervals.max),
      },
    }
  }
}

/** Starts measuring the CPU time of the process. @returns a function that returns the seconds used since */
export function measureCpu(): () => number {
  const start = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(start)
    return round((user + system) / 1_000_000)
  }
}

/** The highest figures of several event loops. */
export function busiest(loops: readonly LoopUsage[]): LoopUsage {
  const highest = (name: 'p50' | 'p99' | 'max') => {
    const values = loops.flatMap(({ eventLoopDelayMs }) => eventLoopDelayMs[name] ?? [])
    return values.length === 0 ? null : Math.max(...values)
  }
  return {
    eventLoopUtilization: Math.max(...loops.map(({ eventLoopUtilization }) => eventLoopUtilization)),
    eventLoopDelayMs: { p50: highest('p50'), p99: highest('p99'), max: highest('max') },
  }
}

/** Why the client itself was the bottleneck; empty if it was not. */
export function bottlenecks({ eventLoopUtilization }: LoopUsage, lags: readonly (Distribution | null)[]): string[] {
  const reasons: string[] = []
  if (eventLoopUtilization >= BUSY_UTILIZATION) {
    const percent = (share: number) => `${Math.round(share * 100)}%`
    reasons.push(`its event loop was busy ${percent(eventLoopUtilization)} of the time (limit ${percent(BUSY_UTILIZATION)})`)
  }
  const lagMs = Math.max(...lags.map(lag => lag?.percentiles.p99 ?? 0))
  if (lagMs >= LATE_P99_MS) reasons.push(`its p99 schedule lag was ${lagMs} ms (limit ${LATE_P99_MS} ms)`)
  return reasons
}
