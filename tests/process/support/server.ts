import { AdministeredService } from './admin.ts'
import type { LogLine, StartOptions } from './service.ts'

const MAIN = 'services/server/src/main.ts'

export interface OpenConnection {
  readonly listener: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly ageMs: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly bufferedBytes: number
  readonly messages: number
}

export interface Connections {
  readonly listeners: { readonly listener: string; readonly address: { readonly port: number }; readonly active: number }[]
  readonly connections: OpenConnection[]
}

/** A nihao-server as a process, on free loopback ports, without a drain delay unless the test sets one. */
export class RunningServer extends AdministeredService {
  /** A process that may fail to start. */
  constructor(listen: string, { env, ...options }: StartOptions = {}) {
    const defaults = { NIHAO_LISTEN: listen, NIHAO_ADMIN_HOST: '127.0.0.1', NIHAO_ADMIN_PORT: '0', NIHAO_DRAIN_DELAY: '0s' }
    super(MAIN, { env: { ...defaults, ...env }, ...options })
  }

  get listening(): LogLine[] {
    return this.logged({ msg: 'listening' })
  }

  /** The bound port of a listener, by default the first. */
  port(index = 0): number {
    return Number(this.listening[index]?.port)
  }

  async connections(): Promise<Connections> {
    return JSON.parse((await this.page('/connections?limit=100000')).text)
  }
}

/** Starts a server and waits until it listens and its admin endpoint answers. */
export async function startServer(listen: string, options?: StartOptions): Promise<RunningServer> {
  return new RunningServer(listen, options).started()
}
