import type { LogLine } from '../process/support/service.ts'
import type { Expectation, Kind, Side } from './fault-case.ts'

/** One outage as the client reported it. */
export interface Outage {
  readonly side: Side
  readonly evidence: string
  readonly reason: string
  readonly durationMs: number
  readonly atMostMs: number
  readonly lostExchanges: number
}

/** Everything the client reported from the start of a fault until it stopped. */
export interface Outcome {
  readonly kind: Kind
  readonly outages: readonly Outage[]
  readonly reconnects: number
  /** Failed exchanges, in an outage or not; undefined: those before the fault are not known. */
  readonly failures: number | undefined
}

export type Verdict = 'right' | 'unknown' | 'WRONG SIDE' | 'WRONG KIND' | 'WRONG LENGTH' | 'WRONG LOSSES' | 'STARVED'

/** An exchange that the fault meets was under way for at most this long. */
const MAX_UNDER_WAY_MS = 1_000

/**
 * @param lines the client's log; lines before `since` (ISO 8601) do not count
 * @param earlierFailures failed exchanges before the fault; undefined: not known
 */
export function readOutcome(lines: readonly LogLine[], since: string, earlierFailures: number | undefined): Outcome {
  const later = lines.filter(({ time }) => time >= since)
  // One that had begun long before is not the fault's.
  const began = ({ time, durationMs, longestMs }: LogLine) =>
    Date.parse(time) - Number(durationMs ?? longestMs) >= Date.parse(since) - MAX_UNDER_WAY_MS
  const outages = later.filter(line => /^outages? (not )?over$/.test(line.msg) && began(line)).map(readOutage)
  const reconnects = later.filter(({ msg }) => msg === 'reconnected').length
  const stopped = later.find(({ msg }) => msg === 'stopped')
  const totals = Object.values(stopped ?? {}).find(value => typeof value === 'object') as Totals | undefined
  const kind = outages.length > 0 ? 'outage' : reconnects > 0 ? 'reconnect' : 'none'
  const failures = earlierFailures === undefined ? undefined : countFailures(totals) - earlierFailures
  return { kind, outages, reconnects, failures }
}

/** What the client reports of a target, in its last log line and in `/targets`. */
export interface Totals {
  readonly exchangeFailures?: Readonly<Record<string, number>>
}

export const countFailures = (totals: Totals | undefined) =>
  Object.values(totals?.exchangeFailures ?? {}).reduce((sum, count) => sum + count, 0)

function readOutage({ side, closedBy, evidence, reason, durationMs, longestMs, atMostMs, lostExchanges }: LogLine): Outage {
  const named = String(side ?? closedBy ?? 'unknown')
  return {
    side: (named === 'none' ? 'unknown' : named) as Side,
    evidence: String(evidence ?? 'none'),
    reason: String(reason),
    // A line for many sessions has the longest.
    durationMs: Number(durationMs ?? longestMs),
    atMostMs: Number(atMostMs ?? durationMs ?? longestMs),
    lostExchanges: Number(lostExchanges),
  }
}

/** The time a target was down, all outages together. */
export const downMs = ({ outages }: Outcome) => outages.reduce((sum, { durationMs }) => sum + durationMs, 0)

/** The length of a fault, by a clock that knows it within bounds. */
export interface Span {
  readonly leastMs: number
  readonly mostMs: number
}

/** How far the client's length may be from the true one. */
export const toleranceMs = (trueMs: number, intervalMs: number) => 0.05 * trueMs + 100 + intervalMs

/**
 * Compares what the client reported with what happened; the worst finding wins.
 * @param truth how long the fault lasted; undefined: not known
 */
export function judge(outcome: Outcome, { kinds, sides }: Expectation, truth: Span | undefined, intervalMs: number): Verdict {
  const { kind, outages, failures } = outcome
  if (!kinds.includes(kind)) return 'WRONG KIND'
  if (outages.some(({ side }) => side !== 'unknown' && !sides.includes(side))) return 'WRONG SIDE'
  const lost = outages.reduce((sum, { lostExchanges }) => sum + lostExchanges, 0)
  if (failures !== undefined && lost !== failures) return 'WRONG LOSSES'
  if (kind === 'outage' && truth !== undefined) {
    const [told, { leastMs, mostMs }] = [downMs(outcome), truth]
    const nearestMs = Math.min(mostMs, Math.max(leastMs, told))
    const atMostMs = outages.reduce((sum, outage) => sum + outage.atMostMs, 0)
    if (Math.abs(told - nearestMs) > toleranceMs(nearestMs, intervalMs) || atMostMs < told) return 'WRONG LENGTH'
  }
  return outages.some(({ side }) => side === 'unknown') ? 'unknown' : 'right'
}
