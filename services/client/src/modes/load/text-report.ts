import type { Distribution } from '../../report/distribution.ts'
import { counts, table } from '../../report/text.ts'
import { describeThreshold } from '../../report/thresholds.ts'
import type { BrokenTotals } from './broken-connections.ts'
import type { Report, TargetReport } from './report.ts'

/** The text report. */
export function textReport({ targets, client, thresholds, interrupted, reports }: Report): string {
  const lines = reports === 1 ? [] : [`merged from ${reports} reports`, '']
  lines.push(...targets.flatMap(target => [...targetLines(target), '']))
  if (client !== null) lines.push(...clientLines(client))
  lines.push(...thresholds.map(describeThreshold))
  if (interrupted !== null) lines.push(`interrupted by ${interrupted}: the report covers the time until then`)
  return `${lines.join('\n')}\n`
}

function clientLines(client: NonNullable<Report['client']>): string[] {
  const { threads, eventLoopUtilization, eventLoopDelayMs, cpuSeconds, bottlenecks } = client
  const { p99, max } = eventLoopDelayMs
  const loop = threads === 1 ? 'event loop' : `${threads} threads, busiest event loop`
  const delay = p99 === null || max === null ? '' : `, delay p99 ${ms(p99)}, max ${ms(max)}`
  return [
    `client  ${loop} ${Math.round(eventLoopUtilization * 100)}% busy${delay}; ${cpuSeconds.toFixed(2)} s of CPU`,
    ...bottlenecks.map(reason => `warning: the client was the bottleneck: ${reason}`),
  ]
}

function targetLines(report: TargetReport): string[] {
  const { target, notConnected, settings, elapsedMs, latencyMs, scheduleLagMs, connections } = report
  if (notConnected !== null) return [`${target}  could not connect: ${notConnected.reason}${inParentheses(notConnected.message)}`]
  const { rate, arrivals, depth } = settings
  const loop = rate === 0 ? 'closed loop' : `open loop, ${rate}/s ${arrivals}`
  const rows: [string, Distribution][] =
    scheduleLagMs === null
      ? [['latency', latencyMs.fromSend]]
      : [
          ['latency from intended start', latencyMs.fromIntendedStart],
          ['latency from sending', latencyMs.fromSend],
          ['client schedule lag', scheduleLagMs],
        ]
  return [
    `${target}  ${loop}, connections ${settings.connections}, depth ${depth}, ${(elapsedMs / 1_000).toFixed(3)} s`,
    `  answered     ${report.answered}${report.ratePerSecond === null ? '' : `  (${report.ratePerSecond.toFixed(1)}/s)`}`,
    `  failed       ${report.failed}${report.failed === 0 ? '' : counts(report.failures)}`,
    `  sent         ${bytes(report.sentBytes, elapsedMs)}`,
    `  received     ${bytes(report.receivedBytes, elapsedMs)}`,
    `  connections  ${connections.attempts} attempts; failed${counts(connections.failures)}; closed${counts(connections.closed)}`,
    ...connections.broken.map(describeBroken),
    ...comparisonLines(connections.comparisons),
    ...table(rows),
  ]
}

const describeBroken = ({ reason, side, evidence, connections, exchanges }: BrokenTotals) =>
  `  side         ${side} (${evidence}): ${reason} of ${connections} connections with ${exchanges} exchanges`

/** Compares the counters of client and server; only the probe protocol has both. */
function comparisonLines({ equal, different }: TargetReport['connections']['comparisons']): string[] {
  if (different > 0)
    return [
      `  counters     different on ${different} of ${equal + different} connections: bytes were lost or added between client and server`,
    ]
  return equal === 0 ? [] : [`  counters     equal at both ends on ${equal} connections`]
}

const ms = (value: number) => `${value.toFixed(3)} ms`

const inParentheses = (message: string | null) => (message === null ? '' : ` (${message})`)

function bytes(count: number, elapsedMs: number): string {
  const perSecond = elapsedMs === 0 ? 0 : (count * 1_000) / elapsedMs
  return `${count} B  (${(perSecond / 2 ** 20).toFixed(3)} MiB/s)`
}
