import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { bannerLine, type ProtocolName, protocols } from '@nihao/wire'
import { Admission, type AdmissionRules, type ProxyError } from './admission/admission.ts'
import { reject } from './admission/reject.ts'
import { bind } from './bind.ts'
import { Connection, type ConnectionOwner, type ConnectionParts, now } from './connection/connection.ts'
import type { ConnectionHistory } from './connection/connection-history.ts'
import { ConnectionList } from './connection/connection-list.ts'
import { sweepIntervalMs } from './connection/lifetime.ts'
import { Output } from './connection/output.ts'
import { type Peer, peerOf } from './connection/peer.ts'
import { type ConnectionReport, type UnservedEnd, unservedReport } from './connection/report.ts'
import { ListenerCounters, type Totals } from './counters.ts'
import type { ServerEvents } from './events.ts'
import { type ConnectionFaults, createFaults, type Faults } from './faults/faults.ts'
import { FaultyOutput } from './faults/faulty-output.ts'
import { connectionInfo, finite } from './hello.ts'
import { type Labelled, shortLabel } from './label.ts'
import { Slots } from './limits/slots.ts'
import type { ProcessContext } from './process-context.ts'
import type { CloseReason, RejectReason } from './reasons.ts'
import type { ListenerConfig, ServerValues } from './settings.ts'
import { TlsHandshakes } from './tls/handshakes.ts'

/** An accepted socket whose protocol has not begun. */
interface Accepted {
  readonly socket: Socket
  readonly peer: Peer
  readonly acceptedAtMs: number
  readonly faults: ConnectionFaults | undefined
}

/** A bound address with one protocol: accepts connections, rejects those over a limit, and starts the others. */
export class Listener implements ConnectionOwner, Labelled {
  readonly protocol: ProtocolName
  readonly encrypted: boolean
  readonly limits: ServerValues
  readonly counters = new ListenerCounters()
  /** Open connections, including draining ones. */
  readonly connections = new ConnectionList<Connection>()
  /** Undefined if no fault is configured. */
  readonly faults: Faults | undefined
  /** Undefined without TLS. */
  readonly tls: TlsHandshakes | undefined
  /** The name of this listener in metrics and logs; empty until it is bound. */
  label = ''
  readonly #server: Server
  readonly #config: ListenerConfig
  readonly #process: ProcessContext
  /** Undefined if the protocol does not identify connections. */
  readonly #history: ConnectionHistory | undefined
  readonly #slots: Slots
  /** Undefined if the protocol begins with the first byte. */
  readonly #rules: AdmissionRules | undefined
  readonly #admissions = new ConnectionList<Admission>()
  readonly #events: ServerEvents
  readonly #lastEnded = Promise.withResolvers<void>()
  /** Defined while draining. */
  #graceMs: number | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(config: ListenerConfig, context: ProcessContext, events: ServerEvents) {
    const { endpoint, values } = config
    this.protocol = endpoint.protocol
    this.encrypted = endpoint.tls
    this.limits = values
    this.faults = createFaults(values)
    this.#config = config
    this.#process = context
    this.#history = protocols[this.protocol].text ? undefined : context.history
    // Without the URL option, the value is the limit of the whole process.
    const hasOwnLimit = endpoint.options.has('max-connections-per-address')
    this.#slots = new Slots(context.limits, hasOwnLimit ? values.maxConnectionsPerAddress : 0)
    this.#events = events
    const { proxy, handshakeTimeout: timeoutMs } = values
    this.tls = endpoint.tls ? new TlsHandshakes(values, this.#certificateEvents()) : undefined
    this.#rules = proxy === 'off' && this.tls === undefined ? undefined : { proxy, tls: this.tls, timeoutMs }
    this.#server = createServer(
      {
        allowHalfOpen: true, // otherwise, unwritten replies are lost when the peer half-closes
        noDelay: true, // a reply must not wait for the acknowledgement of the one before
      },
      socket => this.#onConnection(socket),
    )
  }

  /** The bound address; a path for a Unix socket, empty until bound. */
  get address(): AddressInfo | string {
    return this.#server.address() ?? ''
  }

  /** Open connections, including those in admission. */
  get active(): number {
    return this.connections.size + this.#admissions.size
  }

  /** Maximum open connections; Infinity = no limit. */
  get limit(): number {
    return Math.min(this.limits.maxConnections || Number.POSITIVE_INFINITY, this.#process.limits.capacity.limit)
  }

  /** Totals over all connections, including open ones. */
  totals(): Totals {
    return this.counters.totals(this.connections)
  }

  /** @throws {ListenError} */
  async listen(): Promise<void> {
    await bind(this.#server, this.#config.endpoint)
    this.#server.on('error', error => this.#events.emit('acceptFailed', this, error))
    this.label = shortLabel(this)
    this.#sweep = setInterval(() => this.#check(), sweepIntervalMs(this.limits))
  }

  /** Stops accepting and drains all connections. Resolves when the last one is closed. */
  async drain(graceMs: number): Promise<void> {
    this.#server.close()
    this.#graceMs = graceMs
    for (const connection of this.connections) connection.drain('drained', graceMs)
    if (this.active > 0) await this.#lastEnded.promise
    clearInterval(this.#sweep)
    this.tls?.close()
  }

  /** Destroys all connections immediately. */
  terminate(reason: CloseReason): void {
    for (const connection of this.connections) connection.terminate(reason)
    for (const admission of [...this.#admissions]) admission.terminate(reason)
  }

  closed(connection: Connection, report: ConnectionReport): void {
    this.connections.remove(connection)
    this.#history?.closed(report)
    this.#slots.release(connection.peer)
    this.#publish(report)
  }

  #onConnection(socket: Socket): void {
    try {
      this.#accept(socket)
    } catch (error) {
      socket.destroy()
      this.#events.emit('acceptFailed', this, error as Error)
    }
  }

  #accept(socket: Socket): void {
    const peer = peerOf(socket)
    const rules = this.#rules
    const proxied = rules !== undefined && rules.proxy !== 'off'
    if (this.active >= this.limit || this.#slots.full) this.#reject(socket, peer, 'max_connections', finite(this.limit))
    // Limits apply to the addresses behind a proxy, not to the proxy's own.
    else if (!proxied && this.#rejectByAddress(socket, peer)) return
    else if (proxied && !this.#trusts(peer)) this.#reject(socket, peer, 'proxy_header', null, 'untrusted')
    else {
      const faults = this.faults?.next()
      if (faults?.refused) this.#reject(socket, peer, 'fault', null)
      else {
        this.#slots.take(peer)
        const accepted = { socket, peer, faults, acceptedAtMs: now() }
        if (rules === undefined) this.#serve(accepted)
        else this.#admit(accepted, rules)
      }
    }
  }

  #admit(accepted: Accepted, rules: AdmissionRules): void {
    const { socket, acceptedAtMs } = accepted
    let { peer } = accepted
    const remove = () => this.#admissions.remove(admission)
    const end = (how: Pick<UnservedEnd, 'reason' | 'handshakeFailure' | 'error' | 'unexpected'>) => {
      remove()
      this.counters.opened++
      this.#endUnserved({ peer, acceptedAtMs, ...how })
    }
    const admission: Admission = new Admission(socket, peer, rules, {
      identified: named => {
        this.#slots.release(peer)
        peer = named
        if (!this.#rejectByAddress(socket, peer)) {
          this.#slots.take(peer)
          return false
        }
        remove()
        this.#resolveIfEmpty()
        return true
      },
      admitted: stream => {
        remove()
        this.#serve({ ...accepted, socket: stream, peer })
      },
      rejected: detail => {
        remove()
        this.#slots.release(peer)
        this.#reject(socket, peer, 'proxy_header', null, detail)
        this.#resolveIfEmpty()
      },
      handshakeSucceeded: durationMs => this.#events.emit('handshake', this, durationMs),
      handshakeFailed: (handshakeFailure, error) => end({ reason: 'tls_error', handshakeFailure, error }),
      terminated: (reason, error) => end({ reason, error, unexpected: error !== undefined }),
    })
    this.#admissions.add(admission)
  }

  #serve(accepted: Accepted): void {
    this.counters.opened++
    const { socket, peer, acceptedAtMs } = accepted
    try {
      const connection = new Connection(this, this.#parts(accepted))
      this.connections.add(connection)
      this.#history?.opened(connection.id)
      if (this.#graceMs !== undefined) connection.drain('drained', this.#graceMs)
    } catch (error) {
      socket.destroy()
      this.#endUnserved({ peer, acceptedAtMs, reason: 'error', error: error as Error, unexpected: true })
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

  /** Reports the end of a connection whose protocol had not begun. */
  #endUnserved({ acceptedAtMs, ...end }: Omit<UnservedEnd, 'listener' | 'durationMs'> & { acceptedAtMs: number }): void {
    this.#slots.release(end.peer)
    this.#publish(unservedReport({ listener: this.label, durationMs: now() - acceptedAtMs, ...end }))
  }

  /** Whether a peer may send a PROXY header. File permissions control access to a Unix socket. */
  #trusts({ address }: Peer): boolean {
    return address === undefined || this.limits.trustedProxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  /** @returns true if the connection was rejected because its address has reached a limit */
  #rejectByAddress(socket: Socket, peer: Peer): boolean {
    const limit = this.#slots.limitReached(peer)
    if (limit !== undefined) this.#reject(socket, peer, 'max_connections_per_address', limit)
    return limit !== undefined
  }

  #reject(socket: Socket, peer: Peer, reason: RejectReason, limit: number | null, detail?: ProxyError): void {
    this.counters.addRejected(reason)
    this.#events.emit('rejected', this, peer, reason, detail)
    // No message can be sent before the TLS handshake.
    reject(socket, this.#process.limits.capacity, this.tls ? undefined : protocols[this.protocol].reject?.(reason, limit))
  }

  #publish(report: ConnectionReport): void {
    this.counters.addClosed(report)
    this.#events.emit('closed', this, report)
    this.#resolveIfEmpty()
  }

  #resolveIfEmpty(): void {
    if (this.active === 0 && !this.#server.listening) this.#lastEnded.resolve()
  }

  #check(): void {
    const nowMs = now()
    for (const connection of this.connections) connection.check(nowMs)
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
