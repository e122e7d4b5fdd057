import type { SocketAddresses } from '@nihao/service'
import type { BufferBudget } from '../limits/buffer-budget.ts'
import type { Listed } from './connection-list.ts'
import { Lifetime, type LifetimeLimits, type LifetimeState } from './lifetime.ts'
import type { Peer } from './peer.ts'
import { Pump, type PumpParts } from './pump.ts'
import type { ConnectionReport } from './report.ts'

/** Shared by all connections of a listener. */
export interface ConnectionOwner {
  readonly label: string
  readonly limits: LifetimeLimits & { readonly maxBuffered: number }
  readonly budget: BufferBudget
  /** Called once, at the end. */
  closed(connection: Connection, report: ConnectionReport): void
}

export interface ConnectionParts extends PumpParts {
  /** Unique in this process. */
  readonly id: number
  readonly peer: Peer
  /** Whole ms of the monotonic clock. */
  readonly acceptedAtMs: number
}

/** One open connection: a pump with the state that limits, metrics and reports need. */
export class Connection extends Pump implements Listed, LifetimeState {
  index = -1
  readonly id: number
  readonly peer: Peer
  readonly openedAtMs: number
  readonly lifetime: Lifetime
  readonly #owner: ConnectionOwner

  constructor(owner: ConnectionOwner, parts: ConnectionParts) {
    super(parts, owner.limits.maxBuffered, owner.budget)
    this.id = parts.id
    this.peer = parts.peer
    this.openedAtMs = parts.acceptedAtMs
    this.lifetime = new Lifetime(owner.limits, parts.acceptedAtMs, Math.random())
    this.#owner = owner
  }

  get messages(): number {
    return this.codec.messages
  }

  /** Messages that arrived corrupt. */
  get corrupt(): number {
    return this.codec.corrupt ?? 0
  }

  get receivedBytes(): number {
    return this.socket.bytesRead - (this.peer.headerBytes ?? 0)
  }

  get sentBytes(): number {
    return this.output.sentBytes
  }

  get bufferedBytes(): number {
    return this.output.bufferedBytes
  }

  get waitingBytes(): number {
    return this.output.waitingBytes
  }

  get movedBytes(): number {
    return this.receivedBytes + this.sentBytes
  }

  /** Those of the socket itself, which with PROXY are not the peer's. */
  get addresses(): SocketAddresses {
    return this.socket
  }

  get ended(): boolean {
    return this.output.ended
  }

  get peerEnded(): boolean {
    return this.socket.readableEnded
  }

  get canAskToClose(): boolean {
    return this.codec.goAway !== undefined
  }

  /** Makes the kernel send keep-alive probes after this idle time. */
  keepAlive(silenceMs: number): void {
    this.socket.setKeepAlive(true, silenceMs)
  }

  override closed(): void {
    super.closed()
    this.output.freeze()
    this.#owner.closed(this, this.#report())
  }

  #report(): ConnectionReport {
    return {
      id: this.id,
      listener: this.#owner.label,
      peer: this.peer,
      reason: this.reason ?? 'client_closed',
      durationMs: now() - this.openedAtMs,
      receivedBytes: this.receivedBytes,
      sentBytes: this.sentBytes,
      unsentBytes: this.bufferedBytes,
      unansweredBytes: this.unansweredBytes,
      messages: this.messages,
      corrupt: this.corrupt,
      finSeen: this.peerEnded,
      readPauses: this.readPauses,
      error: this.error,
      unexpected: this.unexpected,
      handshakeFailure: undefined,
    }
  }
}

/** Whole ms of the monotonic clock: small integers are not heap-allocated. */
export function now(): number {
  return Math.floor(performance.now())
}
