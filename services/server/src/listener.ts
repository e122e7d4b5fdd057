import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { bannerLine, type ConnectionInfo, ProtocolError, type ProtocolName, protocolErrorReasons, protocols } from '@nihao/wire'
import { Admission, type AdmissionRules, type ProxyRefusal } from './admission.ts'
import { bind } from './bind.ts'
import type { Capacity } from './capacity.ts'
import { Connection, MAX_AGE_JITTER, type Peer } from './connection.ts'
import { type ConnectionFaults, createFaults, type Faults } from './faults.ts'
import { Places } from './places.ts'
import { type CloseReason, closeReasons, type RejectReason, rejectReasons } from './reasons.ts'
import { refuse } from './refuse.ts'
import type { ListenerConfig, ServerValues } from './settings.ts'
import { type CertificateEvents, type HandshakeFailure, handshakeFailures, TlsGate } from './tls-gate.ts'
import { add, type Totals, zeros } from './totals.ts'

/** What a listener tells while it works. */
export interface ListenerEvents {
  closed(listener: Listener, connection: Connection, reason: CloseReason): void
  rejected(listener: Listener, peer: Peer, reason: RejectReason, detail?: ProxyRefusal): void
  handshake(listener: Listener, durationMs: number): void
  handshakeFailed(listener: Listener, peer: Peer, reason: HandshakeFailure, error: Error | undefined): void
  certificates(listener: Listener): CertificateEvents
  /** The kernel could not hand over a connection; the listener goes on. */
  failed(listener: Listener, error: Error): void
}

/** How a server calls itself to its clients. */
export interface Identity {
  readonly server: string
  readonly release: string
  /** Random; differs for each process. */
  readonly boot: string
}

/** Connection ids are unique within the process, across its listeners. */
let lastConnectionId = 0

/** A bound address with one protocol: accepts, refuses what is over a limit, and keeps the counters of its connections. */
export class Listener {
  readonly protocol: ProtocolName
  readonly limits: ServerValues
  /** Connections that are open, the ones being drained too. */
  readonly connections = new Set<Connection>()
  opened = 0
  readonly closed = zeros(closeReasons)
  readonly rejected = zeros(rejectReasons)
  readonly protocolErrors = zeros(protocolErrorReasons)
  /** What is to go wrong here on purpose; undefined where nothing is. */
  readonly faults: Faults | undefined
  readonly handshakeFailures = zeros(handshakeFailures)
  /** Undefined where TLS is not spoken. */
  readonly tls: TlsGate | undefined
  readonly #endedTotals: Totals = { receivedBytes: 0, sentBytes: 0, messages: 0, readPauses: 0, corrupt: 0 }
  readonly #server: Server
  readonly #config: ListenerConfig
  readonly #identity: Identity
  readonly #capacity: Capacity
  readonly #places: Places
  /** Undefined where the protocol begins with the connection's first byte. */
  readonly #rules: AdmissionRules | undefined
  readonly #admissions = new Set<Admission>()
  readonly #events: ListenerEvents
  readonly #lastEnded = Promise.withResolvers<void>()
  #label = ''
  /** Of the drain, once it has begun. */
  #graceMs: number | undefined
  #sweep: NodeJS.Timeout | undefined

  constructor(config: ListenerConfig, identity: Identity, capacity: Capacity, events: ListenerEvents) {
    this.protocol = config.endpoint.protocol
    this.limits = config.values
    this.faults = createFaults(config.values)
    this.#config = config
    this.#identity = identity
    this.#capacity = capacity
    this.#places = new Places(capacity, config.values.maxConnectionsPerAddress)
    this.#events = events
    const { proxy, handshakeTimeout: timeoutMs } = config.values
    this.tls = config.endpoint.tls ? new TlsGate(config.values, events.certificates(this)) : undefined
    this.#rules = proxy === 'off' && this.tls === undefined ? undefined : { proxy, tls: this.tls, timeoutMs }
    this.#server = createServer(
      {
        allowHalfOpen: true, // else replies that are not yet written are lost when the peer half-closes
        noDelay: true, // a reply must not wait for the acknowledgement of the one before
        highWaterMark: config.values.maxBuffered,
      },
      socket => this.#accept(socket),
    )
  }

  /** The bound address, as `server.address()` tells it; a string for a Unix socket. */
  get address(): AddressInfo | string {
    return this.#server.address() ?? ''
  }

  /** How metrics and logs call this listener: protocol and bound port, or path. */
  get label(): string {
    return this.#label
  }

  /** Connections that are open, those included that have not yet come as far as their protocol. */
  get active(): number {
    return this.connections.size + this.#admissions.size
  }

  /** Connections that this listener may have open at once; Infinity = no limit. */
  get limit(): number {
    return Math.min(this.limits.maxConnections || Number.POSITIVE_INFINITY, this.#capacity.limit)
  }

  /** What went through all connections so far, those that are open included. */
  totals(): Totals {
    const totals = { ...this.#endedTotals }
    for (const connection of this.connections) add(totals, connection)
    return totals
  }

  /** @throws {ListenError} */
  async listen(): Promise<void> {
    await bind(this.#server, this.#config.endpoint)
    this.#server.on('error', error => this.#events.failed(this, error))
    const { address } = this
    this.#label = `${this.protocol}${this.tls ? '+tls' : ''}:${typeof address === 'string' ? address : address.port}`
    this.#sweep = setInterval(() => this.#check(), sweepIntervalMs(this.limits))
  }

  /** Stops accepting and asks every connection to end. Resolves when the last one is gone. */
  async drain(graceMs: number): Promise<void> {
    this.#server.close()
    this.#graceMs = graceMs
    for (const connection of this.connections) connection.leave('drained', graceMs)
    if (this.active > 0) await this.#lastEnded.promise
    clearInterval(this.#sweep)
    this.tls?.close()
  }

  /** Ends at once what is open. */
  cut(reason: CloseReason): void {
    for (const connection of this.connections) connection.cut(reason)
    for (const admission of this.#admissions) admission.cut(reason)
  }

  #accept(socket: Socket): void {
    const peer = { address: socket.remoteAddress?.replace(/^::ffff:/, ''), port: socket.remotePort }
    const rules = this.#rules
    const proxied = rules !== undefined && rules.proxy !== 'off'
    // Where a proxy tells the addresses of others, its own has no limit.
    const reason = this.#overLimit() ?? (proxied ? undefined : this.#overAddressLimit(peer))
    if (reason !== undefined) this.#reject(socket, peer, reason)
    else if (proxied && !this.#trusts(peer)) this.#reject(socket, peer, 'proxy_header', 'untrusted')
    else {
      const faults = this.faults?.next()
      if (faults?.refused) this.#reject(socket, peer, 'fault')
      else if (rules === undefined) this.#serve(socket, peer, faults)
      else this.#admit(socket, peer, rules, faults)
    }
  }

  /** Gives a connection its place while it is on the way to its protocol. */
  #admit(socket: Socket, accepted: Peer, rules: AdmissionRules, faults: ConnectionFaults | undefined): void {
    let peer = accepted
    this.#places.hold(peer, 1)
    const leave = () => {
      this.#admissions.delete(admission)
      this.#places.hold(peer, -1)
    }
    const admission: Admission = new Admission(socket, peer, rules, {
      told: told => {
        this.#places.hold(peer, -1)
        peer = told
        const reason = this.#overAddressLimit(peer)
        this.#places.hold(peer, 1)
        return reason
      },
      admitted: stream => {
        leave()
        this.#serve(stream, peer, faults)
      },
      refused: (reason, detail) => {
        leave()
        this.#reject(socket, peer, reason, detail)
      },
      failed: (reason, error) => {
        this.handshakeFailures[reason]++
        this.#events.handshakeFailed(this, peer, reason, error)
        this.#unserved('tls_error', leave)
      },
      cut: reason => this.#unserved(reason, leave),
      handshake: durationMs => this.#events.handshake(this, durationMs),
    })
    this.#admissions.add(admission)
  }

  /** An admission that came to no protocol: the connection was open all the same. */
  #unserved(reason: CloseReason, leave: () => void): void {
    leave()
    this.opened++
    this.closed[reason]++
    this.#resolveIfEmpty()
  }

  /** Whether a peer may tell somebody else's address. Who may use a Unix socket is a matter of its file. */
  #trusts({ address }: Peer): boolean {
    return address === undefined || this.limits.trustedProxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  #serve(socket: Socket, peer: Peer, faults: ConnectionFaults | undefined): void {
    this.opened++
    this.#places.hold(peer, 1)
    const protocol = protocols[this.protocol]
    const codec = protocol.serverCodec(this.limits, () => this.#info(peer))
    const opening = protocol.text && this.limits.banner === 'address' ? bannerLine(this.address) : codec.open?.()
    const onClose = (connection: Connection, reason: CloseReason) => this.#ended(connection, reason)
    const connection = new Connection(socket, peer, codec, opening, onClose, faults)
    this.connections.add(connection)
    if (this.#graceMs !== undefined) connection.leave('drained', this.#graceMs)
  }

  #ended(connection: Connection, reason: CloseReason): void {
    this.connections.delete(connection)
    this.closed[reason]++
    if (connection.error instanceof ProtocolError) this.protocolErrors[connection.error.reason]++
    this.#places.hold(connection.peer, -1)
    add(this.#endedTotals, connection)
    this.#events.closed(this, connection, reason)
    this.#resolveIfEmpty()
  }

  #resolveIfEmpty(): void {
    if (this.active === 0 && !this.#server.listening) this.#lastEnded.resolve()
  }

  #reject(socket: Socket, peer: Peer, reason: RejectReason, detail?: ProxyRefusal): void {
    this.rejected[reason]++
    this.#events.rejected(this, peer, reason, detail)
    const limit = reason === 'max_connections_per_address' ? this.limits.maxConnectionsPerAddress : finite(this.limit)
    // In front of a handshake there is no word for it.
    refuse(socket, this.#capacity, this.tls ? undefined : protocols[this.protocol].reject?.(reason, limit))
    this.#resolveIfEmpty()
  }

  #info({ address, port, via }: Peer): ConnectionInfo {
    return {
      ...this.#identity,
      connection: ++lastConnectionId,
      listener: this.label,
      address: formatAddress(this.address),
      peer: address === undefined ? undefined : `${address}:${port}`,
      ...(via && { via: via.address === undefined ? 'unix' : `${via.address}:${via.port}` }),
      connections: this.active + 1,
      limit: finite(this.limit),
    }
  }

  #overLimit(): RejectReason | undefined {
    return this.active >= this.limit || this.#places.full ? 'max_connections' : undefined
  }

  #overAddressLimit(peer: Peer): RejectReason | undefined {
    return this.#places.fullFor(peer) ? 'max_connections_per_address' : undefined
  }

  #check(): void {
    const nowMs = performance.now()
    for (const connection of this.connections) connection.check(nowMs, this.limits)
  }
}

const finite = (limit: number) => (Number.isFinite(limit) ? limit : null)

function formatAddress(address: AddressInfo | string): string {
  if (typeof address === 'string') return address
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}

/**
 * Limits are met within a tenth of the shortest one, that of age within a tenth of its jitter, else connections that began together
 * would end together. Looking over ten thousand connections takes a few milliseconds.
 */
function sweepIntervalMs({ idleTimeout, slowReaderTimeout, maxAge }: ServerValues): number {
  const shortest = Math.min(...[idleTimeout, slowReaderTimeout, maxAge * MAX_AGE_JITTER].filter(limitMs => limitMs > 0), 10_000)
  return Math.max(50, Math.min(500, shortest / 10))
}
