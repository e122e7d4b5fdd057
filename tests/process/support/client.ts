import { AdministeredService } from './admin.ts'
import type { StartOptions } from './service.ts'

const MAIN = 'services/client/src/main.ts'

export interface ClientConnection {
  readonly target: string
  readonly localAddress: string
  readonly remoteAddress: string
  /** The name in HELLO (probe). */
  readonly server: string | null
  readonly ageMs: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly answered: number
  readonly outstanding: number
}

/** The totals of a target in the last log line and in `/targets`. */
export interface Totals {
  readonly connectionAttempts: number
  readonly connectionFailures: Readonly<Record<string, number>>
  readonly connectionsClosed: Readonly<Record<string, number>>
  readonly exchanges: number
  readonly exchangeFailures: Readonly<Record<string, number>>
  readonly outages: Readonly<Record<string, number>>
  readonly countersCompared: number
  readonly sentBytes: number
  readonly receivedBytes: number
}

export interface PeerState {
  readonly address: string
  readonly server: string | null
  readonly state: string
  readonly exchanges: number
  readonly failures: number
  readonly outages: number
  readonly outageMs: number
}

export interface TargetState extends Totals {
  readonly target: string
  readonly state: string
  readonly reason?: string
  readonly lastSuccess: string | null
  readonly connections: number
  /** With resolve=all. */
  readonly peers?: readonly PeerState[]
}

/** A nihao-client as a process. */
export class RunningClient extends AdministeredService {
  /** A process that may fail to start. */
  constructor(targets: string, { env, ...options }: StartOptions = {}) {
    // On a busy machine, a successful exchange may take longer than the default of one second.
    const defaults = {
      NIHAO_TARGETS: targets,
      NIHAO_TIMEOUT: '10s',
      NIHAO_ADMIN_HOST: '127.0.0.1',
      NIHAO_ADMIN_PORT: '0',
    }
    super(MAIN, { env: { ...defaults, ...env }, ...options })
  }

  async connections(): Promise<ClientConnection[]> {
    return JSON.parse((await this.page('/connections?limit=100000')).text).connections
  }

  /** The state of each target, by its URL. */
  async targets(): Promise<Record<string, TargetState>> {
    const { targets } = JSON.parse((await this.page('/targets')).text) as { targets: TargetState[] }
    return Object.fromEntries(targets.map(state => [state.target, state]))
  }

  /** Stops the client, expects exit code 0, and returns its totals by target URL. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Record<string, Totals>> {
    this.kill(signal)
    const { code, stderr } = await this.exit()
    if (code !== 0 || stderr !== '') throw new Error(`the client ended with ${code}: ${stderr}`)
    const line = this.logged({ msg: 'stopped' }).at(-1)
    if (line === undefined) throw new Error('the client did not say that it stopped')
    return line as unknown as Record<string, Totals>
  }
}

/** Starts a client and waits until its admin endpoint answers. */
export function startClient(targets: string, options?: StartOptions): Promise<RunningClient> {
  return new RunningClient(targets, options).started()
}
