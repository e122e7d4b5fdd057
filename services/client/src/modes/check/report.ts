import type { CheckName } from '../../check-names.ts'
import type { FailureReason } from '../../failure.ts'

/** Version of the JSON report: docs/check-report.schema.json describes it. */
export const REPORT_VERSION = 1

/** What was seen, by a name that ends with the unit: `roundTripMs`, `receivedBytes`. */
export type Figures = Readonly<Record<string, number | string>>

interface Judged {
  readonly name: CheckName
  readonly durationMs: number
  /** The time that the check may take. */
  readonly limitMs: number
  readonly figures: Figures
}

export interface Ok extends Judged {
  readonly verdict: 'ok'
}

export interface Failed extends Judged {
  readonly verdict: 'failed'
  readonly reason: FailureReason
  /** What happened. */
  readonly detail: string
  /** What is usually behind it. */
  readonly meaning: string
}

export interface Skipped {
  readonly name: CheckName
  readonly verdict: 'skipped'
  readonly why: string
}

/** What one check found. Every text in it is printable: nothing that came from the network can steer a terminal or end a line. */
export type Result = Ok | Failed | Skipped

export interface TargetReport {
  readonly target: string
  /** False when no connection could be made: the only result is then that of `connect`. */
  readonly reachable: boolean
  readonly results: readonly Result[]
}

export interface Report {
  readonly release: string
  /** ISO 8601. */
  readonly started: string
  readonly durationMs: number
  /** The signal that ended the run early. */
  readonly interrupted: NodeJS.Signals | undefined
  readonly targets: readonly TargetReport[]
}

/** Writes a report. The parts come as soon as they are known, so that a reader sees how far the run is. */
export interface Reporter {
  begin?(): string
  target?(target: string): string
  result?(target: string, result: Result): string
  end(report: Report): string
}

/** One word for the whole run. A failed check outranks a target that could not be reached. */
export function verdictOf({ interrupted, targets }: Report): 'ok' | 'failed' | 'unreachable' | 'interrupted' {
  if (interrupted !== undefined) return 'interrupted'
  const failed = targets.some(({ reachable, results }) => reachable && results.some(({ verdict }) => verdict === 'failed'))
  if (failed) return 'failed'
  return targets.every(({ reachable }) => reachable) ? 'ok' : 'unreachable'
}

export function countVerdicts(results: readonly Result[]): Record<Result['verdict'], number> {
  const count = (word: Result['verdict']) => results.filter(({ verdict }) => verdict === word).length
  return { ok: count('ok'), failed: count('failed'), skipped: count('skipped') }
}
