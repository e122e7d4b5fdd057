import { Service, type StartOptions } from './service.ts'

interface Distribution {
  readonly count: number
  readonly buckets: string
  readonly max: number | null
  readonly percentiles: Readonly<Record<string, number>>
}

/** The part of the JSON report that tests read; docs/load-report.schema.json describes all of it. */
export interface LoadReport {
  readonly interrupted: string | null
  readonly exitCode: number
  readonly thresholds: readonly { readonly name: string; readonly met: boolean; readonly actual: number | null }[]
  readonly client: { readonly threads: number; readonly bottlenecks: readonly string[] } | null
  readonly targets: readonly TargetReport[]
}

export interface TargetReport {
  readonly target: string
  readonly notConnected: { readonly reason: string } | null
  readonly answered: number
  readonly failed: number
  readonly failures: Readonly<Record<string, number>>
  readonly elapsedMs: number
  readonly ratePerSecond: number | null
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly latencyMs: { readonly fromIntendedStart: Distribution; readonly fromSend: Distribution }
  readonly scheduleLagMs: Distribution | null
  readonly connections: {
    readonly attempts: number
    readonly failures: Readonly<Record<string, number>>
    readonly closed: Readonly<Record<string, number>>
    readonly broken: readonly { reason: string; side: string; evidence: string; connections: number; exchanges: number }[]
  }
}

export interface LoadResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `nihao-client load` as a process. */
export class RunningLoad extends Service {
  constructor(args: readonly string[], options: StartOptions = {}) {
    // Longer than the default of one second, which a successful exchange may exceed on a busy machine.
    super('services/client/src/main.ts', { ...options, args: ['load', ...args], env: { NIHAO_TIMEOUT: '10s', ...options.env } })
  }

  async result(timeoutMs = 60_000): Promise<LoadResult> {
    const { code, stderr } = await this.exit(timeoutMs)
    return { code, stdout: this.lines.join('\n'), stderr }
  }
}

/** Runs a load to its end. */
export async function runLoad(...args: string[]): Promise<LoadResult> {
  await using load = new RunningLoad(args)
  // Awaited here, because a returned promise would settle after the process is disposed.
  return await load.result()
}

/** Runs a load on one target to its end; returns its exit code and its report. */
export async function reportLoad(...args: string[]): Promise<LoadResult & { report: LoadReport; target: TargetReport }> {
  const result = await runLoad('--report', 'json', ...args)
  return { ...result, ...parseReport(result) }
}

export function parseReport({ stdout, stderr }: LoadResult): { report: LoadReport; target: TargetReport } {
  if (stdout === '') throw new Error(`there is no report: ${stderr}`)
  const report = JSON.parse(stdout) as LoadReport
  return { report, target: report.targets[0] as TargetReport }
}
