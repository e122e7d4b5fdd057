import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type ProtocolName, protocols } from '@nihao/wire'
import { bind } from './bind.ts'
import { type Capacity, REFUSED_AT_ONCE } from './capacity.ts'
import { type CloseReason, Connection, closeReasons } from './connection.ts'
import type { ListenerConfig, ServerValues } from './settings.ts'

/** Why a connection was not served: the `reason` of logs and metrics. */
export const rejectReasons = ['max_connections', 'max_connections_per_address'] as const
export type RejectReason = (typeof rejectReasons)[number]

/** What a listener tells while it works. */
export interface ListenerEvents {
  closed(listener: Listener, connection: Connection, reason: CloseReason): void
  rejected(listener: Listener, remoteAddress: string | undefined, reason: RejectReason): void
  /** The kernel could not hand over a connection; the listener goes on. */
  failed(listener: Listener, error: Error): void
}

/** How long a refused peer may take to close, after the FIN that tells it. */
const REFUSAL_LINGER_MS = 1_000

/** A bound address with one protocol: accepts, refuses what is over a limit, and keeps the books of its connections. */
export class Listener {
  readonly protocol: ProtocolName
  readonly limits: ServerValues
  /** Connections that are open, the ones being drained too. */
  readonly connections = new Set<Connection>()
  opened = 0
  readonly closed = Object.fromEntries(closeReasons.map(reason => [reason, 0])) as Record<CloseReason, number>
  readonly rejected = Object.fromEntries(rejectReasons.map(reason => [reason, 0])) as Record<RejectReason, number>
  readonly #endedTotals = { receivedBytes: 0, sentBytes: 0, messages: 0, readPauses: 0 }
  readonly #perAddress = new Map<string, number>()
  readonly #server: Server
  readonly #config: ListenerConfig
  readonly #capacity: Capacity
  readonly #events: ListenerEvents
  readonly #lastEnded = Promise.withResolvers<void>()
  #label = ''
  #sweep: NodeJS.Timeout | undefined

  constructor(config: ListenerConfig, capacity: Capacity, events: ListenerEvents) {
    this.protocol = config.endpoint.protocol
    this.limits = config.values
    this.#config = config
    this.#capacity = capacity
    this.#events = events
    this.#server = createServer(
      {
        allowHalfOpen: true, // else replies that are not yet written are lost when the peer half-closes
        noDelay: true, // a reply must not wait for the acknowledgement of the one before
        keepAlive: config.values.keepAlive > 0,
        keepAliveInitialDelay: config.values.keepAlive,
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

  /** Connections that this listener may have open at once; Infinity = no limit. */
  get limit(): number {
    return Math.min(this.limits.maxConnections || Number.POSITIVE_INFINITY, this.#capacity.limit)
  }

  /** What went through all connections so far, those that are open included. */
  totals(): { receivedBytes: number; sentBytes: number; messages: number; readPauses: number } {
    const totals = { ...this.#endedTotals }
    for (const connection of this.connections) add(totals, connection)
    return totals
  }

  /** @throws {ListenError} */
  async listen(): Promise<void> {
    await bind(this.#server, this.#config.endpoint)
    this.#server.on('error', error => this.#events.failed(this, error))
    const { address } = this
    this.#label = `${this.protocol}:${typeof address === 'string' ? address : address.port}`
    this.#sweep = setInterval(() => this.#check(), sweepIntervalMs(this.limits))
  }

  /** Stops accepting and drains every connection. Resolves when the last one is gone. */
  async drain(): Promise<void> {
    this.#server.close()
    for (const connection of this.connections) connection.drain()
    if (this.connections.size > 0) await this.#lastEnded.promise
    clearInterval(this.#sweep)
  }

  #accept(socket: Socket): void {
    const remoteAddress = socket.remoteAddress?.replace(/^::ffff:/, '')
    const reason = this.#overLimit(remoteAddress)
    if (reason !== undefined) {
      this.rejected[reason]++
      this.#events.rejected(this, remoteAddress, reason)
      this.#refuse(socket)
      return
    }
    this.opened++
    this.#capacity.open++
    this.#countAddress(remoteAddress, 1)
    const half = protocols[this.protocol].serve(this.limits)
    this.connections.add(new Connection(socket, remoteAddress, half, (connection, reason) => this.#ended(connection, reason)))
  }

  #ended(connection: Connection, reason: CloseReason): void {
    this.connections.delete(connection)
    this.closed[reason]++
    this.#capacity.open--
    this.#countAddress(connection.remoteAddress, -1)
    add(this.#endedTotals, connection)
    this.#events.closed(this, connection, reason)
    if (this.connections.size === 0 && !this.#server.listening) this.#lastEnded.resolve()
  }

  #overLimit(remoteAddress: string | undefined): RejectReason | undefined {
    if (this.connections.size >= this.limit || this.#capacity.open >= this.#capacity.limit) return 'max_connections'
    const most = this.limits.maxConnectionsPerAddress
    if (most > 0 && remoteAddress !== undefined && (this.#perAddress.get(remoteAddress) ?? 0) >= most)
      return 'max_connections_per_address'
    return undefined
  }

  #countAddress(remoteAddress: string | undefined, change: 1 | -1): void {
    if (this.limits.maxConnectionsPerAddress === 0 || remoteAddress === undefined) return
    const open = (this.#perAddress.get(remoteAddress) ?? 0) + change
    if (open === 0) this.#perAddress.delete(remoteAddress)
    else this.#perAddress.set(remoteAddress, open)
  }

  /** Says FIN, and closes when the peer does: closing at once would make a RST of it when the peer's first bytes are under way. */
  #refuse(socket: Socket): void {
    socket.on('error', () => {}) // the peer may reset; without a listener that would end the process
    if (this.#capacity.refused >= REFUSED_AT_ONCE) {
      socket.destroy()
      return
    }
    this.#capacity.refused++
    const deadline = setTimeout(() => socket.destroy(), REFUSAL_LINGER_MS)
    socket.once('close', () => {
      this.#capacity.refused--
      clearTimeout(deadline)
    })
    socket.resume()
    socket.end()
  }

  #check(): void {
    const nowMs = performance.now()
    for (const connection of this.connections) connection.check(nowMs, this.limits)
  }
}

function add(
  totals: { receivedBytes: number; sentBytes: number; messages: number; readPauses: number },
  connection: Connection,
): void {
  totals.receivedBytes += connection.receivedBytes
  totals.sentBytes += connection.sentBytes
  totals.messages += connection.messages
  totals.readPauses += connection.readPauses
}

/** Limits are met within a tenth of the shortest one; looking over ten thousand connections takes a few milliseconds. */
function sweepIntervalMs({ idleTimeout, slowReaderTimeout }: ServerValues): number {
  const shortest = Math.min(...[idleTimeout, slowReaderTimeout].filter(limitMs => limitMs > 0), 10_000)
  return Math.max(50, Math.min(500, shortest / 10))
}
