import { join } from 'node:path'
import { Service } from '../process/support/service.ts'
import { until } from '../process/support/until.ts'
import { limitCpu } from './cpu-quota.ts'
import { ProxyConfiguration, useNameServer } from './files.ts'
import { Helper, python } from './helper.ts'
import { type Link, Network, PATH, type Place, SERVER } from './network.ts'
import { run } from './tools.ts'

export type ProtocolName = 'probe' | 'echo'

export const PORTS = { probe: 7000, echo: 7007 } as const satisfies Record<ProtocolName, number>
/** How long a fault lasts, unless its case says otherwise. */
export const HOLD_MS = 3_000
/** Several experiments start at once. */
const STARTUP_DEADLINE_MS = 60_000

/** For compiled TypeScript, so that processes start in less than half the time. */
const COMPILE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/node')

/** A listener of the server for the witness alone, so that the kernel's rows of the client's connections can be told apart. */
const WITNESS_PORT = 7107
const ADMIN_PORT = 9465
export const NAME = 'server.test'

export interface ServerOptions {
  readonly address?: string
  readonly env?: Readonly<Record<string, string>>
}

/** The processes of one run in their network: server, client, witness, and what lies between them. */
export class Laboratory implements AsyncDisposable {
  readonly network = new Network()
  readonly protocol: ProtocolName
  #client: Service | undefined
  #server: Service | undefined
  #proxy: Helper | undefined
  #path: Helper | undefined
  #names: Helper | undefined
  #unlimitCpu = () => {}
  readonly #disposables: AsyncDisposable[] = []

  constructor(protocol: ProtocolName) {
    this.protocol = protocol
  }

  get client(): Service {
    return expectStarted(this.#client)
  }

  /** The server that was started last. */
  get server(): Service {
    return expectStarted(this.#server)
  }

  /** Everything the servers and the client logged, without the connections of the witness. */
  logs(): string {
    const services = this.#disposables.filter(disposable => disposable instanceof Service)
    return services.flatMap(({ lines }) => lines.filter(line => !line.includes(`"listener":"echo:${WITNESS_PORT}"`))).join('\n')
  }

  get path(): Helper {
    return expectStarted(this.#path)
  }

  get names(): Helper {
    return expectStarted(this.#names)
  }

  async connect(link: Link): Promise<void> {
    await this.network.create(link)
    if (link === 'tun') this.#path = await this.#startPython('path', 'path.py', 'eth0', 'client')
    await this.network.connectClient(link)
  }

  /** Starts a nihao-server and resolves when it listens. */
  async startServer({ address = SERVER, env = {} }: ServerOptions = {}): Promise<Service> {
    const endpoints = [...Object.entries(PORTS), ['echo', WITNESS_PORT]]
    const listen = endpoints.map(([protocol, port]) => `${protocol}://${address}:${port}`)
    const server = this.#keep(
      new Service('services/server/src/main.ts', {
        within: this.network.within('server'),
        env: {
          NIHAO_LISTEN: listen.join(' '),
          NIHAO_DRAIN_DELAY: '0s',
          NIHAO_ADMIN_PORT: '0',
          NIHAO_IDENTITY: `server-${address}`,
          NODE_OPTIONS: `--import=${import.meta.dirname}/block.ts`,
          NODE_COMPILE_CACHE: COMPILE_CACHE,
          BLOCK_MS: `${HOLD_MS}`,
          ...env,
        },
      }),
    )
    await this.#listening(server, 'server', `${address}:${WITNESS_PORT}`)
    this.#server = server
    return server
  }

  /** Starts a nihao-client in probe mode with one target. */
  async startClient(host: string, options: string, env: Readonly<Record<string, string>>): Promise<void> {
    const target = `${this.protocol}://${host}:${PORTS[this.protocol]}${options}`
    const client = this.#keep(
      new Service('services/client/src/main.ts', {
        within: this.network.within('client'),
        env: { NIHAO_TARGETS: target, NIHAO_SUMMARY_INTERVAL: '0s', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
      }),
    )
    await this.#listening(client, 'client', `:${ADMIN_PORT}`)
    this.#client = client
  }

  startWitness(host: string): Promise<Helper> {
    return this.#startPython('client', 'witness.py', host, `${WITNESS_PORT}`, `${PORTS[this.protocol]}`)
  }

  /** Starts a DNS server that the client asks, with the server's address for every name. */
  async startNames(): Promise<void> {
    useNameServer(this.network.namespace('client'), PATH)
    this.#names = await this.#startPython('path', 'names.py', PATH)
    await this.#names.command(`addresses ${SERVER}`)
  }

  /** Starts haproxy on the path, with a time limit for idle connections. */
  async startProxy({ idleTimeout = '1m', servers = [SERVER] }: { idleTimeout?: string; servers?: readonly string[] } = {}) {
    const ports = [...Object.values(PORTS), WITNESS_PORT]
    const configuration = this.#keep(new ProxyConfiguration(PATH, ports, servers, idleTimeout))
    this.#proxy = this.#keep(new Helper([...this.network.within('path'), 'haproxy', '-db', '-f', configuration.path]))
    await until('haproxy to listen', () => this.#isOpen('path', `${PATH}:${WITNESS_PORT}`))
  }

  killProxy(): void {
    expectStarted(this.#proxy).kill('SIGKILL')
  }

  /** Gives the client only a share of one core. */
  limitClientCpu(share: number): void {
    this.#unlimitCpu = limitCpu(this.client.pid, share)
  }

  unlimitClientCpu(): void {
    this.#unlimitCpu()
    this.#unlimitCpu = () => {}
  }

  /** A page of the client's admin endpoint. */
  async page(path: string): Promise<string> {
    return run([
      ...this.network.within('client'),
      'curl',
      '--silent',
      '--max-time',
      '30',
      `http://127.0.0.1:${ADMIN_PORT}${path}`,
    ])
  }

  /** Waits until the kernel shows the last address that a service opens; its log may lag behind. */
  async #listening(service: Service, place: Place, address: string): Promise<void> {
    const listens = () => {
      if (!service.running) throw new Error(`${place} ended`)
      return this.#isOpen(place, address)
    }
    await until(`${place} to listen`, listens, STARTUP_DEADLINE_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${service.lines.join('\n')}\n${service.stderr}`)
    })
  }

  async #isOpen(place: Place, address: string): Promise<boolean> {
    return (await this.network.run(place, 'ss -Hltn')).includes(`${address} `)
  }

  async #startPython(place: Place, file: string, ...args: readonly string[]): Promise<Helper> {
    const helper = this.#keep(python(this.network.within(place), file, ...args))
    await helper.started()
    return helper
  }

  #keep<Kept extends AsyncDisposable>(disposable: Kept): Kept {
    this.#disposables.push(disposable)
    return disposable
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.unlimitClientCpu()
      for (const disposable of this.#disposables.toReversed()) await disposable[Symbol.asyncDispose]()
    } finally {
      // Ends whatever else still runs in it.
      await this.network[Symbol.asyncDispose]()
    }
  }
}

function expectStarted<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('this part of the laboratory was not started')
  return part
}
