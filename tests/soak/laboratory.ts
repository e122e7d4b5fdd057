import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { Certificates } from '../process/support/certificates.ts'
import { type RunningClient, startClient, type Totals } from '../process/support/client.ts'
import { HostName } from '../process/support/host-name.ts'
import { freePort } from '../process/support/scripted-server.ts'
import { type RunningServer, startServer } from '../process/support/server.ts'
import { until } from '../process/support/until.ts'

/** Whether a sum is the same on both sides. */
export interface Comparison {
  readonly name: string
  readonly client: number
  readonly server: number
  /** Connections that the client gave up while connecting, as their address was removed or it was stopped: their HELLO was not read. */
  readonly abandoned: number
}

/** Maximum size of a HELLO, bytes. */
const MAX_HELLO = 512

export const isEqual = ({ client, server, abandoned }: Comparison): boolean =>
  client <= server && server <= client + abandoned * MAX_HELLO

/** Addresses of the name, one set after the other. */
const ADDRESSES = [['127.0.0.1'], ['127.0.0.1', '127.0.0.2'], ['127.0.0.2', '127.0.0.3'], ['127.0.0.3']]

/** Sessions with each address of the name. */
const SESSIONS = 3

/** The replies after which the server resets a connection of the client, on purpose. */
const RESET_AFTER = 50

/** The target and its listeners in the server, by index. */
interface Pair {
  readonly target: string
  readonly listeners: readonly number[]
  /** False where connections end in the middle of an exchange. */
  readonly exact: boolean
}

/** A server and a client in probe mode, whose certificates and addresses change. */
export class Laboratory implements AsyncDisposable {
  readonly server: RunningServer
  readonly client: RunningClient
  readonly #certificates: Certificates
  readonly #name: HostName
  readonly #pairs: readonly Pair[]
  #turn = 0

  private constructor(parts: readonly [RunningServer, RunningClient, Certificates, HostName], pairs: readonly Pair[]) {
    ;[this.server, this.client, this.#certificates, this.#name] = parts
    this.#pairs = pairs
  }

  static async start(): Promise<Laboratory> {
    const certificates = new Certificates()
    const files = filesIn(certificates)
    install(certificates)
    const name = await HostName.create()
    await name.resolvesTo(...(ADDRESSES[0] ?? []))
    const port = await freePort()
    const listeners = [
      'echo://127.0.0.1:0',
      'greet://127.0.0.1:0',
      `probe+tls://127.0.0.1:0?cert=${files.cert}&key=${files.key}`,
      `echo://127.0.0.1:0?reset-after=${RESET_AFTER}n`,
      ...['127.0.0.1', '127.0.0.2', '127.0.0.3'].map(host => `probe://${host}:${port}`),
    ]
    const server = await startServer(listeners.join(' '))
    const pairs = [
      { target: `greet://127.0.0.1:${server.port(1)}`, listeners: [1], exact: true },
      { target: `probe+tls://127.0.0.1:${server.port(2)}`, listeners: [2], exact: true },
      { target: `probe://${name}:${port}`, listeners: [4, 5, 6], exact: true },
      { target: `echo://127.0.0.1:${server.port(3)}`, listeners: [3], exact: false },
    ]
    const options = [
      'connections=5&fresh=true&interval=100ms',
      `connections=2&fresh=true&interval=200ms&ca=${certificates.ca}`,
      `connections=${SESSIONS}&interval=100ms&resolve=all&resolve-interval=1s`,
      'connections=2&interval=20ms',
    ]
    const targets = pairs.map(({ target }, index) => `${target}?${options[index]}`)
    const env = { NIHAO_TIMEOUT: '20s' }
    const client = await startClient(targets.join(' '), { env, within: name.within })
    return new Laboratory([server, client, certificates, name], pairs)
  }

  /** The port of the listener without a target. */
  get port(): number {
    return this.server.port(0)
  }

  changeCertificate(): void {
    install(this.#certificates)
  }

  changeAddresses(): Promise<void> {
    return this.#name.resolvesTo(...(ADDRESSES[++this.#turn % ADDRESSES.length] ?? []))
  }

  /** As Prometheus and an operator do. */
  async scrape(): Promise<void> {
    for (const path of ['/metrics', '/connections', '/readyz']) {
      for (const service of [this.server, this.client]) {
        const { status } = await service.page(path)
        if (status !== 200) throw new Error(`${path} answered ${status}`)
      }
    }
  }

  /** Waits until the client has its sessions with all addresses of the name, and no others. */
  async settle(): Promise<void> {
    const expected = SESSIONS * (ADDRESSES[this.#turn % ADDRESSES.length] ?? []).length
    const sessions = async () => (await this.client.connections()).filter(({ target }) => target.includes(String(this.#name)))
    await until(`${expected} sessions`, async () => {
      const open = await sessions()
      return open.length === expected && open.every(({ answered }) => answered > 0)
    })
  }

  /** Failures of the targets without injected faults, by reason. */
  failures(totals: Readonly<Record<string, Totals>>): string[] {
    return this.#pairs
      .filter(({ exact }) => exact)
      .flatMap(({ target }) =>
        (['exchangeFailures', 'connectionFailures', 'outages'] as const).flatMap(kind =>
          Object.entries(totals[target]?.[kind] ?? {}).map(([reason, count]) => `${target}: ${kind} ${reason} ${count}`),
        ),
      )
  }

  /** Compares the totals of the client with the metrics of the server, once all connections are closed. */
  async compare(totals: Readonly<Record<string, Totals>>): Promise<Comparison[]> {
    await until('all connections to be closed', async () => (await this.server.metric('tcp_server_connections_active')) === 0)
    const comparisons: Comparison[] = []
    for (const { target, listeners, exact } of this.#pairs) {
      const { connectionAttempts, connectionFailures, connectionsClosed, sentBytes, receivedBytes } = totals[target] as Totals
      const connections = connectionAttempts - sum(Object.values(connectionFailures))
      const sums: [string, number, string][] = [
        ['connections', connections, 'tcp_server_connections_opened_total'],
        ['bytes to the server', sentBytes, 'tcp_server_received_bytes_total'],
        ['bytes to the client', receivedBytes, 'tcp_server_sent_bytes_total'],
      ]
      for (const [what, client, metric] of exact ? sums : sums.slice(0, 1)) {
        const parts = listeners.map(index => this.listenerMetric(metric, index))
        const abandoned = metric === 'tcp_server_sent_bytes_total' ? connections - (connectionsClosed.finished ?? 0) : 0
        comparisons.push({ name: `${target}: ${what}`, client, server: sum(await Promise.all(parts)), abandoned })
      }
    }
    return comparisons
  }

  listenerMetric(name: string, index: number): Promise<number> {
    return this.server.metric(name, { listener: String(this.server.listening[index]?.listener) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
    await this.#name[Symbol.asyncDispose]()
    this.#certificates[Symbol.dispose]()
  }
}

const filesIn = ({ folder }: Certificates) => ({ cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') })

/** Replaces certificate and key by new ones. */
function install(certificates: Certificates): void {
  const [issued, files] = [certificates.issue(), filesIn(certificates)]
  renameSync(issued.cert, files.cert)
  renameSync(issued.key, files.key)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
