import { Service, type StartOptions } from './service.ts'

interface Distribution {
  readonly count: number
  readonly max: number
  readonly percentiles: Readonly<Record<string, number>>
}

/** What the tests read of the JSON report; docs/load-report.schema.json describes all of it. */
export interface LoadReport {
  readonly interrupted: string | null
  readonly exitCode: number
  readonly thresholds: readonly { readonly name: string; readonly met: boolean; readonly actual: number | null }[]
  readonly client: { readonly bottlenecks: readonly string[] }
  readonly targets: readonly TargetReport[]
}

export interface TargetReport {
  readonly target: string
  readonly notConnected: { readonly reason: string } | null
  readonly answered: number
  readonly failed: number
  readonly failures: Readonly<Record<string, number>>
  readonly elapsedMs: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly latencyMs: { readonly fromIntendedStart: Distribution; readonly fromSend: Distribution }
  readonly scheduleLagMs: Distribution | null
  readonly connections: {
    readonly failures: Readonly<Record<string, number>>
    readonly closed: Readonly<Record<string, number>>
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
    // Longer than the default of a second, which a good exchange may take on a busy machine.
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
  // Awaited here: what is returned as a promise would see the process ended first.
  return await load.result()
}

/** Runs a load of one target to its end, and gives its exit code with its report. */
export async function reportLoad(...args: string[]): Promise<LoadResult & { report: LoadReport; target: TargetReport }> {
  const result = await runLoad('--report', 'json', ...args)
  return { ...result, ...parseReport(result) }
}

export function parseReport({ stdout, stderr }: LoadResult): { report: LoadReport; target: TargetReport } {
  if (stdout === '') throw new Error(`there is no report: ${stderr}`)
  const report = JSON.parse(stdout) as LoadReport
  return { report, target: report.targets[0] as TargetReport }
}
