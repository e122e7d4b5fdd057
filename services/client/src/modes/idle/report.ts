import { EXIT } from '@nihao/service'
import type { Failure } from '../../failure.ts'
import { countOutcome, findings, type Ladder } from './ladder.ts'
import { describeDeath, type Rung, type RungResult } from './rung.ts'

/** Version of the JSON report, increased when a field is removed or changes its meaning. */
const VERSION = 1

/** Milliseconds in the format of settings: `250ms`, `1.5s`, `2m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (Math.round(ms) < 1_000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 10) / 100
  if (seconds < 60) return `${seconds}s`
  const wholeSeconds = Math.round(seconds)
  const rest = wholeSeconds % 60
  return `${Math.floor(wholeSeconds / 60)}m${rest === 0 ? '' : `${rest}s`}`
}

/** The text report: a block per ladder, a line per rung. */
export function textReport(ladders: readonly Ladder[]): string {
  return ladders.map(ladderText).join('\n')
}

function ladderText(ladder: Ladder): string {
  const { target, keepAliveMs, rungs } = ladder
  const keepAlive = keepAliveMs === 0 ? 'without keep-alive' : `with keep-alive after ${formatDuration(keepAliveMs)}`
  const title = `${target.label} ${keepAlive}`
  const unreachable = unreachableBecause(ladder)
  if (unreachable !== undefined) return `${title}\n  => no usable connection: ${unreachable}\n`
  const rows = rungs.map(rung => [formatDuration(rung.silenceMs), ...describeResult(rung, target.values.timeout)])
  const widths = rows.reduce(
    (widths, row) => row.map((cell, column) => Math.max(widths[column] ?? 0, cell.length)),
    [] as number[],
  )
  const lines = rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
  return `${[title, ...lines, `  => ${conclusion(ladder)}`].join('\n')}\n`
}

/** The cells of a rung's row: outcome, TCP term, and how a failure was detected. */
function describeResult({ result, goAwayReason }: Rung, timeoutMs: number): [string, string, string] {
  const goAway = goAwayReason === undefined ? '' : `the server had sent GOAWAY (${goAwayReason})`
  switch (result?.outcome) {
    case 'survived':
      return ['survived', '', goAway]
    case 'died': {
      const during = `noticed during the silence, after ${formatDuration(result.silentMs)}`
      const unanswered = result.failure.reason === 'timeout'
      const byKeepAlive = unanswered ? ', by unanswered keep-alive probes' : ''
      const after = unanswered ? `: no reply within ${formatDuration(timeoutMs)}` : ''
      const noticed = result.noticed === 'silence' ? during + byKeepAlive : `noticed only at the exchange after it${after}`
      return ['died', describeDeath(result.failure.reason), goAway === '' ? noticed : `${noticed}; ${goAway}`]
    }
    case 'unusable':
      return ['unusable', result.failure.reason, whyUnusable(result.failure)]
    default:
      return ['unfinished', '', result === undefined ? '' : `alive after ${formatDuration(result.silentMs)}`]
  }
}

function whyUnusable({ error }: Failure): string {
  return error?.message ?? 'in the exchange before the silence'
}

/** Why no rung had a usable connection, if the reason is the same for all. */
function unreachableBecause({ rungs }: Ladder): string | undefined {
  const reasons = rungs.map(({ result }) =>
    result?.outcome === 'unusable' ? `${result.failure.reason}, ${whyUnusable(result.failure)}` : undefined,
  )
  return reasons.every(reason => reason === reasons[0]) ? reasons[0] : undefined
}

function conclusion(ladder: Ladder): string {
  const { survivedMs, firstDeath } = findings(ladder)
  if (survivedMs === undefined && firstDeath === undefined) return 'no rung finished: no result'
  const survivor = `longest survivor ${survivedMs === undefined ? 'none' : formatDuration(survivedMs)}`
  if (firstDeath === undefined) return `${survivor}, no death`
  const { failure, noticed, silentMs } = firstDeath
  // A FIN or RST arrives at that moment; a missing reply only shows that the connection died earlier.
  const exact = noticed === 'silence' && failure.reason !== 'timeout'
  const death = `first death ${exact ? 'after' : 'within'} ${formatDuration(silentMs)} by ${describeDeath(failure.reason)}`
  const doubt =
    (survivedMs ?? 0) > silentMs
      ? ' (another connection survived a longer silence: not an idle timeout, or not for every connection)'
      : ''
  return `${survivor}, ${death}${doubt}`
}

/** The JSON report. */
export function jsonReport(ladders: readonly Ladder[], interrupted: boolean): string {
  const report = { report: 'idle', version: VERSION, interrupted, ladders: ladders.map(describeLadder) }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** A ladder as JSON, with the reasons of metrics and logs. */
export function describeLadder(ladder: Ladder): { readonly target: string; readonly [field: string]: unknown } {
  const { target, keepAliveMs, rungs } = ladder
  const { survivedMs, firstDeath } = findings(ladder)
  return {
    target: target.label,
    keepAliveMs: keepAliveMs === 0 ? null : keepAliveMs,
    longestSurvivorMs: survivedMs ?? null,
    firstDeath: firstDeath === undefined ? null : describe(firstDeath),
    rungs: rungs.map(({ silenceMs, result, goAwayReason }) => ({
      silenceMs,
      ...(result === undefined ? { outcome: 'unfinished', silentMs: 0 } : describe(result)),
      ...(goAwayReason !== undefined && { goAwayReason }),
    })),
  }
}

function describe(result: RungResult): object {
  if (result.outcome === 'survived' || result.outcome === 'unfinished') {
    return { ...result, silentMs: Math.round(result.silentMs) }
  }
  const { failure, ...rest } = result
  const { reason, error } = failure
  return {
    ...rest,
    ...('silentMs' in rest && { silentMs: Math.round(rest.silentMs), death: describeDeath(reason) }),
    reason,
    ...(error && { error: error.message }),
  }
}

/** 0 if every rung survived. A path that could not be tested has a different code from one that loses connections. */
export function exitCode(ladders: readonly Ladder[]): number {
  if (countOutcome(ladders, 'died') > 0) return EXIT.failed
  if (countOutcome(ladders, 'unusable') === 0) return EXIT.ok
  return reasons(ladders).some(reason => reason === 'mismatch' || reason === 'protocol') ? EXIT.wrongBytes : EXIT.notConnected
}

function reasons(ladders: readonly Ladder[]): string[] {
  return ladders
    .flatMap(({ rungs }) => rungs)
    .flatMap(({ result }) => (result && 'failure' in result ? [result.failure.reason] : []))
}
