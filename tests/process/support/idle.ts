import { RunningClient } from './client.ts'

export interface RungReport {
  readonly silenceMs: number
  readonly outcome: string
  readonly silentMs?: number
  readonly noticed?: string
  readonly death?: string
  readonly reason?: string
}

export interface LadderReport {
  readonly target: string
  readonly keepAliveMs: number | null
  readonly longestSurvivorMs: number | null
  readonly firstDeath: RungReport | null
  readonly rungs: readonly RungReport[]
}

export interface IdleReport {
  readonly report: string
  readonly version: number
  readonly interrupted: boolean
  readonly ladders: readonly LadderReport[]
}

/** The mode idle as a process, with a report in JSON. */
export class IdleClient extends RunningClient {
  constructor(targets: string, env: Readonly<Record<string, string>>) {
    super(targets, { args: ['idle', '--report', 'json'], env })
  }

  /** The final report and the exit code. */
  async reported(): Promise<IdleReport & { code: number | null }> {
    const { code, stderr } = await this.exit()
    if (this.lines.length === 0) throw new Error(`no report, exit code ${code}: ${stderr}`)
    return { code, ...(JSON.parse(this.lines.join('\n')) as IdleReport) }
  }
}
