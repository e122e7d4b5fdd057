import type { Span } from '@nihao/service'
import { type Condition, condense, maximum, median, type StripCell, sum } from '@nihao/service/page'
import type { Attribution } from '../outages/evidence.ts'
import type { TargetHistory } from '../records.ts'
import type { ProbeValues } from '../settings.ts'
import type { Target } from '../target.ts'

/** The failing ones come first, then those that say nothing. */
export const targetStates = ['failing', 'silent', 'untried', 'good'] as const
export type TargetState = (typeof targetStates)[number]

export const CONDITIONS: Readonly<Record<TargetState, Condition>> = {
  failing: 'bad',
  silent: 'warn',
  untried: 'idle',
  good: 'good',
}

/** A target as the page shows it. */
export interface TargetView {
  readonly target: Target<ProbeValues>
  readonly label: string
  readonly state: TargetState
  /** Why the last exchange failed. */
  readonly reason: string | undefined
  /** Since when exchanges fail, on the monotonic clock; undefined where they do not, or never succeeded. */
  readonly failingSinceMs: number | undefined
  /** Of the last minute; NaN = none was answered. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Wall clock; 0 = never. */
  readonly lastSuccessMs: number
}

const MINUTE_MS = 60_000
/** The cells of seconds. */
const MAX_SILENCE_MS = 600_000
const STRIP_CELLS = 60

export function viewOf(target: Target<ProbeValues>, history: TargetHistory): TargetView {
  const { last, availability, counters } = target.statistics
  const { label, values } = target
  // From the start of one exchange to the end of the next.
  const intervalMs = values.interval + values.timeout
  const failing = availability.firstFailing
  const failingPeer = target.peers?.describe().find(({ state }) => state === 'failing')
  const peerSinceMs = failingPeer && performance.now() - Date.now() + Date.parse(failingPeer.since)
  const bad = target.tried && (!target.good || availability.down)
  const { stepMs, columns } = history.read(label, '15m', {
    cells: Math.ceil(Math.max(MINUTE_MS, 2 * intervalMs) / 1_000),
    columns: ['exchanges', 'p50Ms', 'p99Ms'],
  })
  const recent = (values: readonly number[], ms: number) =>
    values.slice(-Math.max(2, Math.ceil(ms / stepMs))).filter(value => !Number.isNaN(value))
  const latency = (values: readonly number[], combine: (values: readonly number[]) => number) => {
    const present = recent(values, Math.max(MINUTE_MS, 2 * intervalMs))
    return present.length === 0 ? Number.NaN : combine(present)
  }
  const exchanges = recent(columns.exchanges, 3 * intervalMs + 5_000)
  const silent =
    !target.peers?.alone &&
    3 * intervalMs < MAX_SILENCE_MS &&
    exchanges.length >= (3 * intervalMs) / stepMs &&
    sum(exchanges) === 0
  return {
    target,
    label,
    state: !target.tried ? 'untried' : bad ? 'failing' : silent ? 'silent' : 'good',
    reason: last?.good === false ? last.reason : (failing?.session.failure?.reason ?? failingPeer?.reason),
    failingSinceMs: bad ? (failing?.sinceMs ?? peerSinceMs) : undefined,
    p50Ms: latency(columns.p50Ms, median),
    p99Ms: latency(columns.p99Ms, maximum),
    lastSuccessMs: counters.lastSuccessMs,
  }
}

/** The last 60 intervals of a span: the share of exchanges that failed, or of the time that the target was down if that is more. */
export function stripOf(label: string, history: TargetHistory, span: Span): StripCell[] {
  const window = history.read(label, span, { columns: ['exchanges', 'failures', 'downMs', 'handovers'] })
  const { stepMs, columns } = condense(window, STRIP_CELLS, { exchanges: sum, failures: sum, downMs: sum, handovers: sum })
  return columns.exchanges.map((exchanges, index) => {
    const [failures = 0, downMs = 0] = [columns.failures[index], columns.downMs[index]]
    const down = Math.min(1, downMs / stepMs)
    const failed = exchanges > 0 ? Math.min(1, Math.max(failures / exchanges, down)) : downMs > 0 ? down : Number.NaN
    return { failed, handover: (columns.handovers[index] ?? 0) > 0 }
  })
}

/** Whose side the outage of a target is on, as far as that is known while it lasts. */
export const attributionOf = ({ target }: TargetView): Promise<Attribution | undefined> | undefined =>
  target.statistics.availability.firstFailing?.session.attribution()
