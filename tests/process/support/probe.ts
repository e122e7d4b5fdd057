import { Service, type StartOptions } from './service.ts'

export interface ProbeRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `nihao-client probe` as a process that reports; `await using` ends it. */
export class RunningProbe extends Service {
  constructor(args: readonly string[], options: StartOptions = {}) {
    // A good exchange may take more than the default of a second on a busy machine.
    const env = { NIHAO_TIMEOUT: '10s', NIHAO_INTERVAL: '50ms', NIHAO_BACKOFF: '10ms', ...options.env }
    super('services/client/src/main.ts', {
      ...options,
      args: ['probe', '--admin-host', '127.0.0.1', '--admin-port', '0', ...args],
      env,
    })
  }

  async result(): Promise<ProbeRun> {
    const { code, stderr } = await this.exit()
    return { code, stdout: `${this.lines.join('\n')}\n`, stderr }
  }
}

/** Runs a probe to its end. */
export async function runProbe(...args: string[]): Promise<ProbeRun> {
  await using probe = new RunningProbe(args)
  return await probe.result()
}
