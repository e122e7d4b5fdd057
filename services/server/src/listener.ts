import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { inSlices } from '@nihao/service'
import { bannerLine, type ProtocolName, protocols } from '@nihao/wire'
import { type Accepted, Acceptor } from './admission/acceptor.ts'
import { bind } from './bind.ts'
import { Connection, type ConnectionOwner, type ConnectionParts, now } from './connection/connection.ts'
import type { ConnectionHistory } from './connection/connection-history.ts'
import { ConnectionList } from './connection/connection-list.ts'
import { sweepIntervalMs } from './connection/lifetime.ts'
import { Output } from './connection/output.ts'
import type { ConnectionReport } from './connection/report.ts'
import { supervise } from './connection/supervise.ts'
import { Sweep } from './connection/sweep.ts'
import { ListenerCounters, type ListenerTotals, totalsOf } from './counters.ts'
import type { ServerEvents } from './events.ts'
import { createFaults, type Faults } from './faults/faults.ts'
import { FaultyOutput } from './faults/faulty-output.ts'
import { connectionInfo } from './hello.ts'
import { type Labelled, shortLabel } from './label.ts'
import type { BufferBudget } from './limits/buffer-budget.ts'
import { Slots } from './limits/slots.ts'
import type { ProcessContext } from './process-context.ts'
import type { CloseReason } from './reasons.ts'
import type { ListenerConfig, ServerValues } from './settings.ts'
import { TlsHandshakes } from './tls/handshakes.ts'

/** A bound address with one protocol and its connections, from bind to drain. */
export class Listener implements ConnectionOwner, Labelled {
  readonly protocol: ProtocolName
  readonly encrypted: boolean
  readonly limits: ServerValues
  readonly budget: BufferBudget
  readonly counters = new ListenerCounters()
  /** Open connections, including draining ones. */
  readonly connections = new ConnectionList<Connection>()
  /** Undefined if no fault is configured. */
  readonly faults: Faults | undefined
  /** Undefined without TLS. */
  readonly tls: TlsHandshakes | undefined
  /** The name of this listener in metrics and logs; empty until it is bound. */
  label = ''
  readonly #config: ListenerConfig
  readonly #process: ProcessContext
  /** Undefined if the protocol does not identify connections. */
  readonly #history: ConnectionHistory | undefined
  readonly #slots: Slots
  readonly #events: ServerEvents
  readonly #server: Server
  readonly #acceptor: Acceptor
  readonly #lastEnded = Promise.withResolvers<void>()
  /** Defined while draining. */
  #graceMs: number | undefined
  #sweep: Sweep<Connection> | undefined
  /** Defined while connections are being added up. */
  #totals: Promise<ListenerTotals> | undefined

  constructor(config: ListenerConfig, context: ProcessContext, events: ServerEvents) {
    const { endpoint, values } = config
    this.protocol = endpoint.protocol
    this.encrypted = endpoint.tls
    this.limits = values
    this.faults = createFaults(values)
    this.tls = endpoint.tls ? new TlsHandshakes(values, this.#certificateEvents()) : undefined
    this.budget = context.budget
    this.budget.cover(this.connections)
    this.#config = config
    this.#process = context
    this.#history = protocols[this.protocol].text ? undefined : context.history
    // Without the URL option, the value is the limit of the whole process.
    const hasOwnLimit = endpoint.options.has('max-connections-per-address')
    this.#slots = new Slots(context.limits, hasOwnLimit ? values.maxConnectionsPerAddress : 0)
    this.#events = events
    this.#acceptor = new Acceptor(this, events, context.limits.capacity, this.#slots)
    this.#server = createServer(
      {
        allowHalfOpen: true, // otherwise, unwritten replies are lost when the peer half-closes
        noDelay: true, // a reply must not wait for the acknowledgement of the one before
      },
      socket => this.#accept(socket),
    )
  }

  /** The bound address; a path for a Unix socket, empty until bound. */
  get address(): AddressInfo | string {
    return this.#server.address() ?? ''
  }

  /** Open connections, including those in admission. */
  get active(): number {
    return this.connections.size + this.#acceptor.admissions.size
  }

  /** Maximum open connections; Infinity = no limit. */
  get limit(): number {
    return Math.min(this.limits.maxConnections || Number.POSITIVE_INFINITY, this.#process.limits.capacity.limit)
  }

  /** Adds up all connections. Calls that overlap share one pass: a scrape reads several totals. */
  totals(): Promise<ListenerTotals> {
    this.#totals ??= totalsOf(this).finally(() => {
      this.#totals = undefined
    })
    return this.#totals
  }

  /** @throws {ListenError} */
  async listen(): Promise<void> {
    await bind(this.#server, this.#config.endpoint, this.limits.reusePort)
    this.#server.on('error', error => this.#events.emit('acceptFailed', this, error))
    this.label = shortLabel(this)
    this.#sweep = new Sweep(this.connections, sweepIntervalMs(this.limits), connection => supervise(connection, now()))
    this.#sweep.start()
  }

  /** Stops accepting and drains all connections. Resolves when the last one is closed. */
  async drain(graceMs: number): Promise<void> {
    this.#server.close()
    this.#graceMs = graceMs
    await inSlices(this.connections.toArray(), connection => connection.drain('drained', graceMs))
    if (this.active > 0) await this.#lastEnded.promise
    this.#sweep?.stop()
    this.tls?.close()
  }

  /** Destroys all connections immediately. */
  terminate(reason: CloseReason): void {
    for (const connection of this.connections) connection.terminate(reason)
    for (const admission of [...this.#acceptor.admissions]) admission.terminate(reason)
  }

  /** Begins the protocol on an accepted connection. */
  serve(accepted: Accepted): void {
    this.counters.opened++
    try {
      const connection = new Connection(this, this.#parts(accepted))
      this.connections.add(connection)
      this.#history?.opened(connection)
      if (this.#graceMs !== undefined) connection.drain('drained', this.#graceMs)
    } catch (error) {
      accepted.socket.destroy()
      this.#acceptor.endUnserved(accepted, { peer: accepted.peer, reason: 'error', error: error as Error, unexpected: true })
    }
  }

  closed(connection: Connection, report: ConnectionReport): void {
    this.connections.remove(connection)
    this.#history?.closed(report)
    this.#slots.release(connection.peer)
    this.ended(report)
  }

  /** Publishes the report of an accepted connection that ended. */
  ended(report: ConnectionReport): void {
    this.counters.addClosed(report)
    this.#events.emit('closed', this, report)
    this.resolveIfEmpty()
  }

  /** Completes a drain when the last connection has ended. */
  resolveIfEmpty(): void {
    if (this.active === 0 && !this.#server.listening) this.#lastEnded.resolve()
  }

  #accept(socket: Socket): void {
    try {
      this.#acceptor.accept(socket)
    } catch (error) {
      socket.destroy()
      this.#events.emit('acceptFailed', this, error as Error)
    }
  }

  #parts({ socket, peer, faults, acceptedAtMs }: Accepted): ConnectionParts {
    const protocol = protocols[this.protocol]
    const { identity, codecs } = this.#process
    const id = this.#process.nextConnectionId()
    const codec = protocol.serverCodec(this.limits, () => connectionInfo(identity, this, id, peer), codecs)
    const opening = protocol.text && this.limits.banner === 'address' ? bannerLine(this.address) : codec.open?.()
    const output = faults === undefined ? new Output(socket) : new FaultyOutput(socket, faults, codec)
    return { id, socket, output, peer, codec, opening, acceptedAtMs }
  }

  #certificateEvents() {
    return {
      reloaded: (expiresAtMs: number) => this.#events.emit('certificatesReloaded', this, expiresAtMs),
      reloadFailed: (error: Error) => {
        this.counters.certificateReloadFailures++
        this.#events.emit('certificateReloadFailed', this, error)
      },
    }
  }
}
