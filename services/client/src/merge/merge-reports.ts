import { busiest } from '../modes/load/client-usage.ts'
import type { Outcome } from '../modes/load/load.ts'
import { mergeConnections, mergeMeasurements, sumOf } from '../modes/load/merge-measurements.ts'
import { type Report, type TargetReport, type TargetSettings, targetReport } from '../modes/load/report.ts'

/** A report and the file that it was read from. */
export interface ReadReport {
  readonly file: string
  readonly report: Report
}

/** The outcome of loads that ran at the same time on several machines. */
export function mergeReports(all: readonly ReadReport[]): Outcome {
  const reports = all.map(({ report }) => report)
  const targets = new Map<string, TargetReport[]>()
  for (const report of reports.flatMap(({ targets }) => targets)) {
    targets.set(report.target, [...(targets.get(report.target) ?? []), report])
  }
  return {
    startedAt: new Date(Math.min(...reports.map(({ startedAt }) => Date.parse(startedAt)))),
    interrupted: reports.find(({ interrupted }) => interrupted !== null)?.interrupted ?? undefined,
    reports: sumOf(reports, report => report.reports),
    client: mergeClients(all),
    targets: [...targets.values()].map(mergeTargets),
  }
}

function mergeClients(all: readonly ReadReport[]): Report['client'] {
  const clients = all.flatMap(({ report: { client } }) => client ?? [])
  if (clients.length === 0) return null
  return {
    threads: sumOf(clients, ({ threads }) => threads),
    ...busiest(clients),
    cpuSeconds: sumOf(clients, ({ cpuSeconds }) => cpuSeconds),
    bottlenecks: all.flatMap(({ file, report }) => report.client?.bottlenecks.map(reason => `${file}: ${reason}`) ?? []),
  }
}

function mergeTargets(reports: readonly TargetReport[]): TargetReport {
  const [first] = reports as [TargetReport]
  return targetReport({
    target: first.target,
    notConnected: reports.find(({ notConnected }) => notConnected !== null)?.notConnected ?? null,
    settings: {
      ...first.settings,
      connections: sumOf(reports, ({ settings }) => settings.connections),
      rate: sumOf(reports, ({ settings }) => settings.rate),
    },
    measurement: mergeMeasurements(reports),
    connections: mergeConnections(reports.map(({ connections }) => connections)),
  })
}

/** How loads on the same target must not differ, since the figures of their sum would mean nothing. */
const COMPARED: Readonly<Record<string, (settings: TargetSettings) => string>> = {
  loop: ({ rate, arrivals }) => (rate === 0 ? 'closed' : `open, ${arrivals}`),
  depth: ({ depth }) => String(depth),
  size: ({ size }) => (size === null ? 'of the message' : `${size.minimum}B..${size.maximum}B`),
}

/** Returns why reports cannot be merged; each problem names the file, the target and the setting. */
export function differences(all: readonly ReadReport[]): string[] {
  const problems: string[] = []
  const seen = new Map<string, { readonly file: string; readonly settings: TargetSettings }>()
  for (const { file, report } of all) {
    for (const { target, settings } of report.targets) {
      const other = seen.get(target)
      if (other === undefined) seen.set(target, { file, settings })
      else {
        for (const [name, describe] of Object.entries(COMPARED)) {
          const [here, there] = [describe(settings), describe(other.settings)]
          if (here !== there) problems.push(`${file}: ${name} of ${target} is ${here}, but ${there} in ${other.file}`)
        }
      }
    }
  }
  return problems
}
