import type { Logger } from '@nihao/service'
import { afterBanner, type ClientCodec, type ClientEvents, type ClientOptions, type Endpoint, protocols } from '@nihao/wire'
import type { ClientEventKind, EventFields } from '../client-events.ts'
import { describeFailure, type Failure } from '../failure.ts'
import type { CommonValues } from '../settings.ts'
import { Connection } from './connection.ts'
import type { ConnectionEvents, ConnectionStatistics } from './connection-events.ts'
import { ClientCredentials } from './credentials.ts'
import { dial } from './dial.ts'

/** The phases of connecting, until the connection is ready for exchanges. */
export type Phase = 'dns' | 'tcp' | 'tls' | 'hello'

/** An endpoint with its settings and, if requests vary, their bytes. */
export interface TargetOptions<Values extends CommonValues = CommonValues> {
  readonly endpoint: Endpoint
  readonly values: Values & Pick<ClientOptions, 'nextRequest'>
  /** Chooses the request of each exchange, where they differ and are told apart; undefined: the codec makes them. */
  readonly nextRequest?: (() => Buffer) | undefined
  /** Name of the target in logs, metrics and reports. */
  readonly label: string
}

/** Options of a single connection. */
export interface ConnectOptions {
  /** One of the addresses of the target's host name, to use instead of all of them. */
  readonly host?: string | undefined
  /** Idle time before the kernel sends TCP keep-alive probes; 0 = never. */
  readonly keepAliveMs?: number
  /** Overrides the target's message. */
  readonly message?: string | undefined
  /** Overrides the target's timeout. */
  readonly timeoutMs?: number
  /** The TCP handshake with this address completed. */
  readonly handshakeDone?: ((remoteAddress: string) => void) | undefined
}

/** Events of a connector, in addition to those of its connections. */
export interface ConnectorStatistics extends ConnectionStatistics {
  connecting(): void
  /** A phase succeeded. */
  phaseDone(phase: Phase, durationMs: number): void
  connectFailed(failure: Failure): void
  certificateReloadFailed(): void
  connected(connection: Connection): void
  /** Something that happened, for `/events`. */
  event(kind: ClientEventKind, fields: EventFields): void
}

/** Opens the connections of one target: name lookup, TCP, PROXY header, TLS, and the server's first message. */
export class Connector {
  readonly #target: TargetOptions
  readonly #statistics: ConnectorStatistics
  readonly #credentials: ClientCredentials | undefined

  /** @throws {CredentialsError} */
  constructor(target: TargetOptions, statistics: ConnectorStatistics, logger: Logger) {
    this.#target = target
    this.#statistics = statistics
    this.#credentials = target.endpoint.tls ? new ClientCredentials(target, statistics, logger) : undefined
  }

  get encrypted(): boolean {
    return this.#target.endpoint.tls
  }

  /**
   * Opens a connection that is ready for exchanges.
   * @returns the connection, or the failure; the owner then receives no events
   */
  async connect(owner: ConnectionEvents, signal: AbortSignal, options: ConnectOptions = {}): Promise<Connection | Failure> {
    const { endpoint, values } = this.#target
    const startMs = performance.now()
    const connection = await this.dial(signal, options)
    if (!(connection instanceof Connection)) return connection
    const dialledMs = performance.now()
    const abandon = () => connection.break({ reason: 'other' })
    signal.addEventListener('abort', abandon)
    const failure = await connection.open(startMs + (options.timeoutMs ?? values.timeout) - dialledMs)
    signal.removeEventListener('abort', abandon)
    if (failure !== undefined) {
      if (!signal.aborted) this.#statistics.connectFailed(failure)
      return failure
    }
    if (!protocols[endpoint.protocol].text) this.#statistics.phaseDone('hello', performance.now() - dialledMs)
    connection.owner = owner
    return connection
  }

  /**
   * Opens a connection without an owner, and without waiting for the server's first message.
   * @returns the connection or the failure
   */
  async dial(signal: AbortSignal, options: ConnectOptions = {}): Promise<Connection | Failure> {
    const { endpoint, values } = this.#target
    const { host, keepAliveMs = 0, timeoutMs = values.timeout, message, handshakeDone } = options
    this.#statistics.connecting()
    try {
      const socket = await dial(host === undefined ? endpoint.address : { ...endpoint.address, host }, {
        timeoutMs,
        keepAliveMs,
        family: values.family === 'both' ? 0 : values.family,
        signal,
        sendProxy: values.sendProxy === 'off' ? undefined : values.sendProxy,
        tls: this.#credentials?.forDial(),
        receive: chunk => connection.receive(chunk),
        observe: (phase, durationMs) => this.#statistics.phaseDone(phase, durationMs),
        handshakeDone,
      })
      const connection: Connection = new Connection(
        socket,
        (events, request) => this.#newCodec(message, events, request),
        this.#statistics,
      )
      this.#statistics.connected(connection)
      return connection
    } catch (error) {
      if (signal.aborted) return { reason: signal.reason?.code === 'ETIMEDOUT' ? 'timeout' : 'other', error: error as Error }
      const failure = describeFailure(error as Error)
      this.#statistics.connectFailed(failure)
      return failure
    }
  }

  #newCodec(message: string | undefined, events: ClientEvents, request: () => Buffer): ClientCodec {
    const { endpoint, nextRequest } = this.#target
    const values = nextRequest === undefined ? this.#target.values : { ...this.#target.values, nextRequest: request }
    const protocol = protocols[endpoint.protocol]
    const hello = (info: Readonly<Record<string, unknown>>) => {
      events.hello?.(info)
      this.#expect(String(info.server))
    }
    const codec = protocol.clientCodec(message === undefined ? values : { ...values, message }, { ...events, hello })
    return values.banner && protocol.text ? afterBanner(codec) : codec
  }

  #expect(server: string): void {
    if (this.#target.values.expectServer.test(server)) return
    throw Object.assign(new Error(`unexpected server name ${JSON.stringify(server)}`), { code: 'WRONG_SERVER' })
  }
}
