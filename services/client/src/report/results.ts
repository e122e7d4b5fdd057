import type { Evidence, Side } from '../outages/evidence.ts'

/** Observations, by names that end with the unit: `roundTripMs`, `receivedBytes`. */
export type Figures = Readonly<Record<string, number | string>>

interface Completed {
  readonly name: string
  readonly durationMs: number
  /** Time limit of a check. */
  readonly limitMs?: number
  readonly figures: Figures
}

export interface Ok extends Completed {
  readonly verdict: 'ok'
}

export interface Failed extends Completed {
  readonly verdict: 'failed'
  readonly reason: string
  readonly detail: string
  /** Where the cause was, and how that is known; undefined for a threshold. */
  readonly side?: Side
  readonly evidence?: Evidence
  /** The probable cause. */
  readonly meaning: string
}

export interface Skipped {
  readonly name: string
  readonly verdict: 'skipped'
  readonly why: string
}

/** The result of one check or threshold. All text is printable: nothing from the network can control a terminal or break a line. */
export type Result = Ok | Failed | Skipped

export interface TargetReport {
  readonly target: string
  /** False if no connection could be established; the only result is then that of `connect`. */
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

/** Formats a report. Each part is written as soon as it is available, to show progress. */
export interface Reporter {
  begin?(): string
  target?(target: string): string
  result?(target: string, result: Result): string
  end(report: Report): string
}

export function countVerdicts(results: readonly Result[]): Record<Result['verdict'], number> {
  const count = (word: Result['verdict']) => results.filter(({ verdict }) => verdict === word).length
  return { ok: count('ok'), failed: count('failed'), skipped: count('skipped') }
}

/** Such as `side path (unacknowledged)`; empty where the side is not known. */
export function describeSide({ side = 'unknown', evidence }: Failed): string {
  return side === 'unknown' ? '' : `side ${side} (${evidence})`
}
