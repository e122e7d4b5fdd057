import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { until } from '../process/support/until.ts'

const execute = promisify(execFile)

export type Environment = Readonly<Record<string, string>>

/** Runs a docker command and returns its output; rejects with its error output when it fails. */
export async function docker(...command: readonly string[]): Promise<string> {
  return (await execute('docker', command, { timeout: 150_000 })).stdout.trim()
}

/** Rejects when a user ends this program, so that what it started can be removed first. */
export function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(signal)))
  })
}

export interface ContainerOptions {
  readonly env?: Environment
  /** Options of `docker run`. */
  readonly options?: readonly string[]
  readonly args?: readonly string[]
  /** The container joins all of these. */
  readonly networks?: readonly string[]
}

export class Container {
  readonly id: string

  constructor(id: string) {
    this.id = id
  }

  async do(...command: readonly string[]): Promise<string> {
    return docker(...command, this.id)
  }

  /** On the network of the laboratory, where this machine reaches it. */
  async address(): Promise<string> {
    return this.do('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}')
  }

  /** Waits until the service in it is ready. */
  async ready(adminPort = 9464): Promise<void> {
    const url = `http://${await this.address()}:${adminPort}/readyz`
    const answers = () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    await until(url, answers)
  }

  /** Its first process, as seen from this machine. */
  async processId(): Promise<string> {
    return this.do('inspect', '--format', '{{.State.Pid}}')
  }
}

/** Containers on networks that only they use. Disposal removes all of them. */
export class Laboratory implements AsyncDisposable {
  readonly #name = `nihao-alerts-${randomUUID().slice(0, 8)}`
  /** By name, the full name of each when it has been created. */
  readonly #networks = new Map<string, Promise<string>>()
  readonly #ids: string[] = []

  /** @param alias its host name; several containers may share one */
  async start(alias: string, image: string, options: ContainerOptions = {}): Promise<Container> {
    const { env = {}, options: dockerOptions = [], args = [], networks = ['shared'] } = options
    const [first = '', ...others] = await Promise.all(networks.map(name => this.#network(name)))
    const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    const place = ['--network', first, '--network-alias', alias]
    // Their own health checks would only cost CPU time.
    const id = await docker('create', '--no-healthcheck', ...place, ...variables, ...dockerOptions, image, ...args)
    this.#ids.push(id)
    for (const network of others) await docker('network', 'connect', '--alias', alias, network, id)
    await docker('start', id)
    return new Container(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ids.length > 0) await docker('rm', '--force', '--volumes', ...this.#ids)
    const networks = await Promise.all(this.#networks.values())
    if (networks.length > 0) await docker('network', 'rm', ...networks)
  }

  #network(name: string): Promise<string> {
    const network = this.#networks.get(name) ?? this.#create(`${this.#name}-${name}`)
    this.#networks.set(name, network)
    return network
  }

  async #create(network: string): Promise<string> {
    await docker('network', 'create', network)
    return network
  }
}
