import { EXIT } from '@nihao/service'
import type { Failure } from '../../failure.ts'
import { countOutcome, findings, type Ladder } from './ladder.ts'
import { describeDeath, type Fate, type Rung } from './rung.ts'

/** Of the JSON report: changes when a field changes its meaning or goes. */
const VERSION = 1

/** Milliseconds as people write them, and as settings take them: `250ms`, `1.5s`, `2m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (Math.round(ms) < 1_000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 10) / 100
  if (seconds < 60) return `${seconds}s`
  const wholeSeconds = Math.round(seconds)
  const rest = wholeSeconds % 60
  return `${Math.floor(wholeSeconds / 60)}m${rest === 0 ? '' : `${rest}s`}`
}

/** The report for people: a block for each ladder, a line for each rung. */
export function textReport(ladders: readonly Ladder[]): string {
  return ladders.map(ladderText).join('\n')
}

function ladderText(ladder: Ladder): string {
  const { target, keepAliveMs, rungs } = ladder
  const keepAlive = keepAliveMs === 0 ? 'without keep-alive' : `with keep-alive after ${formatDuration(keepAliveMs)}`
  const title = `${target.url} ${keepAlive}`
  const unreachable = unreachableBecause(ladder)
  if (unreachable !== undefined) return `${title}\n  => no connection could be used: ${unreachable}\n`
  const rows = rungs.map(rung => [formatDuration(rung.silenceMs), ...describeFate(rung, target.values.timeout)])
  const widths = rows.reduce(
    (widths, row) => row.map((cell, column) => Math.max(widths[column] ?? 0, cell.length)),
    [] as number[],
  )
  const lines = rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
  return `${[title, ...lines, `  => ${conclusion(ladder)}`].join('\n')}\n`
}

/** Cells of a rung's row: outcome, in words of TCP, and how it came to light. */
function describeFate({ fate, goAwayReason }: Rung, timeoutMs: number): [string, string, string] {
  const said = goAwayReason === undefined ? '' : `the server had said GOAWAY (${goAwayReason})`
  switch (fate?.outcome) {
    case 'survived':
      return ['survived', '', said]
    case 'died': {
      const during = `noticed during the silence, after ${formatDuration(fate.silentMs)}`
      const unanswered = fate.failure.reason === 'timeout'
      const byKeepAlive = unanswered ? ', by keep-alive probes without an answer' : ''
      const after = unanswered ? `: no answer within ${formatDuration(timeoutMs)}` : ''
      const noticed = fate.noticed === 'silence' ? during + byKeepAlive : `noticed only at the exchange after it${after}`
      return ['died', describeDeath(fate.failure.reason), said === '' ? noticed : `${noticed}; ${said}`]
    }
    case 'unusable':
      return ['unusable', fate.failure.reason, whyUnusable(fate.failure)]
    default:
      return ['unfinished', '', fate === undefined ? '' : `alive after ${formatDuration(fate.silentMs)}`]
  }
}

function whyUnusable({ error }: Failure): string {
  return error?.message ?? 'in the exchange before the silence'
}

/** Why no rung had a connection, where it is the same for all: that is said once. */
function unreachableBecause({ rungs }: Ladder): string | undefined {
  const reasons = rungs.map(({ fate }) =>
    fate?.outcome === 'unusable' ? `${fate.failure.reason}, ${whyUnusable(fate.failure)}` : undefined,
  )
  return reasons.every(reason => reason === reasons[0]) ? reasons[0] : undefined
}

function conclusion(ladder: Ladder): string {
  const { survivedMs, firstDeath } = findings(ladder)
  if (survivedMs === undefined && firstDeath === undefined) return 'no rung came to its end: nothing is known'
  const survivor = `longest survivor ${survivedMs === undefined ? 'none' : formatDuration(survivedMs)}`
  if (firstDeath === undefined) return `${survivor}, no death`
  const { failure, noticed, silentMs } = firstDeath
  // A FIN or RST tells the moment; silence only that it was before.
  const exact = noticed === 'silence' && failure.reason !== 'timeout'
  const death = `first death ${exact ? 'after' : 'within'} ${formatDuration(silentMs)} by ${describeDeath(failure.reason)}`
  const doubt =
    (survivedMs ?? 0) > silentMs ? ' (a longer silence was survived: this was no idle timeout, or not one for all)' : ''
  return `${survivor}, ${death}${doubt}`
}

/** The report for programs: what is in the text and more. */
export function jsonReport(ladders: readonly Ladder[], interrupted: boolean): string {
  const report = { report: 'idle', version: VERSION, interrupted, ladders: ladders.map(describeLadder) }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** A ladder as JSON: reasons are those of metrics and logs. */
export function describeLadder(ladder: Ladder): { readonly target: string; readonly [field: string]: unknown } {
  const { target, keepAliveMs, rungs } = ladder
  const { survivedMs, firstDeath } = findings(ladder)
  return {
    target: target.url,
    keepAliveMs: keepAliveMs === 0 ? null : keepAliveMs,
    longestSurvivorMs: survivedMs ?? null,
    firstDeath: firstDeath === undefined ? null : describe(firstDeath),
    rungs: rungs.map(({ silenceMs, fate, goAwayReason }) => ({
      silenceMs,
      ...(fate === undefined ? { outcome: 'unfinished', silentMs: 0 } : describe(fate)),
      ...(goAwayReason !== undefined && { goAwayReason }),
    })),
  }
}

function describe(fate: Fate): object {
  if (fate.outcome === 'survived' || fate.outcome === 'unfinished') return { ...fate, silentMs: Math.round(fate.silentMs) }
  const { failure, ...rest } = fate
  const { reason, error } = failure
  return {
    ...rest,
    ...('silentMs' in rest && { silentMs: Math.round(rest.silentMs), death: describeDeath(reason) }),
    reason,
    ...(error && { error: error.message }),
  }
}

/** 0 when every rung survived. A path that could not be tried is another thing than one that loses connections. */
export function exitCode(ladders: readonly Ladder[]): number {
  if (countOutcome(ladders, 'died') > 0) return EXIT.failed
  if (countOutcome(ladders, 'unusable') === 0) return EXIT.ok
  return reasons(ladders).some(reason => reason === 'mismatch' || reason === 'protocol') ? EXIT.wrongBytes : EXIT.notConnected
}

function reasons(ladders: readonly Ladder[]): string[] {
  return ladders.flatMap(({ rungs }) => rungs).flatMap(({ fate }) => (fate && 'failure' in fate ? [fate.failure.reason] : []))
}
