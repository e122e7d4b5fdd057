import { CertificateFolder } from './certificate-folder.ts'
import type { Container, Environment, Laboratory } from './laboratory.ts'

export interface Images {
  readonly server: string
  readonly client: string
}

/** How the servers and the client of a fault are started. */
export interface PairOptions {
  readonly servers?: number
  readonly server?: Environment
  readonly client?: Environment
  /** Options of `docker run`. */
  readonly serverOptions?: readonly string[]
  readonly serverArgs?: readonly string[]
  /** SERVER stands for the host name of the server. */
  readonly targets?: string
  /** Both find a certificate for the server, valid for so long, in /tls. */
  readonly certificateDays?: number
}

const BOTH_PROTOCOLS = 'greet://SERVER:1234?interval=200ms probe://SERVER:7000?interval=200ms'

/** The servers and the client of one fault. */
export class Pair implements Disposable {
  readonly serverName: string
  readonly clientName: string
  readonly laboratory: Laboratory
  /** Another pair's server never gets the address that a server of this one had: the client would take it for its own. */
  readonly network: string
  readonly images: Images
  readonly servers: Container[] = []
  readonly certificates: CertificateFolder | undefined
  readonly #options: PairOptions
  #client: Container | undefined

  constructor(name: string, options: PairOptions, laboratory: Laboratory, images: Images) {
    this.serverName = `${name}-server`
    this.clientName = `${name}-client`
    this.network = name
    this.laboratory = laboratory
    this.images = images
    this.#options = options
    const days = options.certificateDays
    this.certificates = days === undefined ? undefined : new CertificateFolder(this.serverName, days)
  }

  get server(): Container {
    return expectStarted(this.servers[0])
  }

  get client(): Container {
    return expectStarted(this.#client)
  }

  /** @param prepare is called between server and client */
  async start(prepare?: (pair: Pair) => Promise<unknown>): Promise<void> {
    for (let count = this.#options.servers ?? 1; count > 0; count--) await this.startServer()
    await prepare?.(this)
    const targets = (this.#options.targets ?? BOTH_PROTOCOLS).replaceAll('SERVER', this.serverName)
    this.#client = await this.laboratory.start(this.clientName, this.images.client, {
      env: { ...this.#options.client, NIHAO_TARGETS: targets },
      options: this.#volumes(),
      networks: [this.network],
    })
  }

  /** Another server under the same name. */
  async startServer(env: Environment = {}): Promise<Container> {
    const { server = {}, serverOptions = [], serverArgs = [] } = this.#options
    const started = await this.laboratory.start(this.serverName, this.images.server, {
      env: { ...server, ...env },
      options: [...this.#volumes(), ...serverOptions],
      args: serverArgs,
      networks: [this.network],
    })
    this.servers.push(started)
    return started
  }

  [Symbol.dispose](): void {
    this.certificates?.[Symbol.dispose]()
  }

  #volumes(): readonly string[] {
    return this.certificates === undefined ? [] : ['--volume', `${this.certificates.path}:/tls:ro`]
  }
}

function expectStarted(container: Container | undefined): Container {
  if (container === undefined) throw new Error('not started')
  return container
}
