import { describeMs } from '../../report/describe-figures.ts'
import { counts, table } from '../../report/text.ts'
import { describeThreshold } from '../../report/thresholds.ts'
import type { SizeFailures } from '../../size-statistics.ts'
import type { Report, TargetReport } from './report.ts'
import type { TimedOutage } from './window.ts'

/** The text report. */
export function textReport({ targets, thresholds, durationMs, interrupted }: Report): string {
  const lines = targets.flatMap(target => [...targetLines(target, durationMs), ''])
  lines.push(...thresholds.map(describeThreshold))
  if (interrupted !== null) lines.push(`interrupted by ${interrupted}: the report covers the time until then`)
  return `${lines.join('\n').trimEnd()}\n`
}

function targetLines(
  { target, connected, exchanges, lost, failures, failuresBySize = [], latencyMs, outages }: TargetReport,
  durationMs: number,
): string[] {
  const longest = outages.count === 0 ? '' : `  longest ${describeMs(outages.longestMs)}`
  const unlisted = outages.count - outages.listed.length
  return [
    `${target}  ${describeMs(durationMs)}${connected ? '' : ', could not connect'}`,
    `  exchanges  ${exchanges}`,
    `  lost       ${lost}${lost === 0 ? '' : counts(failures)}`,
    ...failuresBySize.map(failures => `    ${describeSizeFailures(failures)}`),
    `  outages    ${outages.count}${longest}`,
    ...outages.listed.map(outage => `    ${describeOutage(outage)}`),
    ...(unlisted > 0 ? [`    and ${unlisted} more`] : []),
    ...table([['latency', latencyMs]]),
  ]
}

/** A line of a text report: `8900B timeout 12, lost to the server` */
export function describeSizeFailures({ sizeBytes, reason, direction, count }: SizeFailures): string {
  const where = { to_server: ', lost to the server', from_server: ', lost from the server', unknown: '' }[direction]
  return `${sizeBytes}B ${reason} ${count}${where}`
}

/** A line of a text report: `2026-11-21T14:52:15.465Z 4.05 s (at most 5 s), eof, side server (server_closed), lost 15, server-1 -> server-2` */
export function describeOutage(outage: TimedOutage): string {
  const { startedAt, durationMs, atMostMs, reason, side, evidence, lostExchanges, left, found, over } = outage
  const length = over
    ? `${describeMs(durationMs)} (at most ${describeMs(atMostMs)})`
    : `at least ${describeMs(durationMs)}, not over`
  const servers = left === undefined && found === undefined ? '' : `, ${left ?? 'unknown'} -> ${found ?? 'unknown'}`
  return `${startedAt} ${length}, ${reason}, side ${side} (${evidence}), lost ${lostExchanges}${servers}`
}
