import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DEADLINE_MS, until } from '../process/support/until.ts'

const execute = promisify(execFile)

/** The options of the clients' target; `interval` and `timeout` must suit the machine. */
export interface MeshOptions {
  /** A server and a client on each of so many nodes. */
  readonly nodes: number
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly images: { readonly server: string; readonly client: string }
}

/** A container with an admin endpoint. */
export interface Member {
  readonly container: string
  /** The identity that it shares with the other program of its node. */
  readonly node: string
  readonly address: string
  readonly pid: number
}

/** A row of `/connections` of a server. */
export interface ServerConnection {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly messages: number
}

interface Peer {
  readonly address: string
  readonly server: string | null
  readonly state: string
  readonly outages: number
}

const LOOK_UP_MS = 1_000
const ADMIN_PORTS = { server: 9464, client: 9465 } as const

/** Servers and clients as containers on one network, where Docker's DNS has all servers under one name. */
export class Mesh implements AsyncDisposable {
  static #count = 0
  readonly servers = new Map<string, Member>()
  readonly clients = new Map<string, Member>()
  readonly #options: MeshOptions
  readonly #name = `nihao-mesh-${process.pid}-${++Mesh.#count}`
  #containers = 0

  private constructor(options: MeshOptions) {
    this.#options = options
  }

  /** Resolves when every client has a good exchange with every server but its own. */
  static async start(options: MeshOptions): Promise<Mesh> {
    const mesh = new Mesh(options)
    try {
      await docker('network', 'create', mesh.#name)
      const nodes = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`)
      await inTurns(nodes, node => mesh.startServer(node))
      await inTurns(nodes, node => mesh.#startClient(node))
      await mesh.untilGood()
      return mesh
    } catch (error) {
      await mesh[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts the server of a node, in addition to the one that may run. */
  async startServer(node: string): Promise<Member> {
    const settings = { NIHAO_IDENTITY: node, NIHAO_DRAIN_DELAY: '200ms', NIHAO_LISTEN: 'probe://:7000' }
    const server = await this.#run('server', node, settings, ['--network-alias', 'servers'])
    this.servers.set(node, server)
    return server
  }

  /** Starts another server on a node, and stops the old one as an orchestrator does. */
  async replaceServer(node: string): Promise<void> {
    const old = this.servers.get(node) as Member
    await this.startServer(node)
    await docker('stop', '--time', '30', old.container)
    const exitCode = await docker('inspect', '--format', '{{.State.ExitCode}}', old.container)
    if (exitCode !== '0') throw new Error(`the server of ${node} ended with ${exitCode}`)
  }

  /** Each cell is the state of a link, by `client server`. */
  async matrix(): Promise<Map<string, string>> {
    const cells = await inTurns([...this.clients.values()], async client =>
      (await this.peersOf(client)).map(({ address, server, state }) => [`${client.node} ${server ?? address}`, state] as const),
    )
    return new Map(cells.flat())
  }

  /** The cells of the matrix that are not good. */
  async failing(): Promise<string[]> {
    return [...(await this.matrix())].filter(([, state]) => state !== 'good').map(([cell]) => cell)
  }

  async untilGood(): Promise<void> {
    const { nodes } = this.#options
    await until('all cells to be good', async () => {
      const states = [...(await this.matrix()).values()]
      return states.length === nodes * (nodes - 1) && states.every(state => state === 'good')
    })
  }

  async peersOf(client: Member): Promise<readonly Peer[]> {
    const { targets } = (await (await get(client, 'client', '/targets')).json()) as { targets: { peers: Peer[] }[] }
    return targets[0]?.peers ?? []
  }

  /** All series of a client. */
  async seriesOf(client: Member): Promise<string[]> {
    const text = await (await get(client, 'client', '/metrics')).text()
    return text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  }

  /** Messages that the servers received over each connection, by `client server` and the client's port. */
  async messages(): Promise<Map<string, number>> {
    const nodes = new Map([...this.clients.values()].map(({ address, node }) => [address, node]))
    const rows = await inTurns([...this.servers.values()], async server => {
      const { connections } = (await (await get(server, 'server', '/connections')).json()) as { connections: ServerConnection[] }
      return connections.map(
        ({ remoteAddress, remotePort, messages }) =>
          [`${nodes.get(remoteAddress)} ${server.node} ${remotePort}`, messages] as const,
      )
    })
    return new Map(rows.flat())
  }

  /** Lines of a client's log with this message. */
  async logged(client: Member, message: string): Promise<Record<string, unknown>[]> {
    const lines = (await docker('logs', client.container)).split('\n').map(line => JSON.parse(line))
    return lines.filter(({ msg }) => msg === message)
  }

  /** Drops all packets between a client and a server, in the namespace of the client. */
  async cut(client: Member, server: Member): Promise<void> {
    await this.#rules('--append', client, server)
  }

  async heal(client: Member, server: Member): Promise<void> {
    await this.#rules('--delete', client, server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = await docker('ps', '--all', '--quiet', '--filter', `label=${this.#name}`)
    if (containers !== '') await docker('rm', '--force', '--volumes', ...containers.split('\n'))
    await docker('network', 'rm', this.#name).catch(() => {})
  }

  async #startClient(node: string): Promise<void> {
    const { intervalMs, timeoutMs } = this.#options
    const target = [
      `probe://servers:7000?resolve=all&resolve-interval=${LOOK_UP_MS}ms&skip-self=true&peer-label=address`,
      `interval=${intervalMs}ms&timeout=${timeoutMs}ms`,
    ].join('&')
    this.clients.set(node, await this.#run('client', node, { NIHAO_IDENTITY: node, NIHAO_TARGETS: target }, []))
  }

  async #run(
    kind: 'server' | 'client',
    node: string,
    settings: Readonly<Record<string, string>>,
    options: string[],
  ): Promise<Member> {
    const name = `${this.#name}-${kind}-${++this.#containers}`
    const environment = Object.entries(settings).flatMap(([setting, value]) => ['--env', `${setting}=${value}`])
    const common = [
      '--detach',
      '--name',
      name,
      '--label',
      this.#name,
      '--network',
      this.#name,
      '--read-only',
      '--cap-drop',
      'ALL',
    ]
    const container = await docker('run', ...common, ...options, ...environment, this.#options.images[kind])
    const [inspected] = JSON.parse(await docker('inspect', container))
    const address = inspected.NetworkSettings.Networks[this.#name].IPAddress
    const member = { container, node, address, pid: inspected.State.Pid }
    const alive = async () => (await get(member, kind, '/livez').catch(() => undefined))?.ok
    await until(`the ${kind} of ${node} to run`, alive)
    return member
  }

  async #rules(action: '--append' | '--delete', client: Member, server: Member): Promise<void> {
    const enter = ['--target', String(client.pid), '--net', 'iptables', action]
    await execute('nsenter', [...enter, 'INPUT', '--source', server.address, '--jump', 'DROP'])
    await execute('nsenter', [...enter, 'OUTPUT', '--destination', server.address, '--jump', 'DROP'])
  }
}

async function docker(...command: string[]): Promise<string> {
  const { stdout } = await execute('docker', command, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

/** Over a connection of its own: an idle one may be closed by the service just when the next request is sent. */
const get = ({ address }: Member, kind: keyof typeof ADMIN_PORTS, path: string) =>
  fetch(`http://${address}:${ADMIN_PORTS[kind]}${path}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(DEADLINE_MS),
  })

/** Containers start faster one after the other than all at once. */
async function inTurns<Item, Result>(items: readonly Item[], task: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) results.push(await task(item))
  return results
}
