import { isIPv6, type Socket } from 'node:net'
import { protocols } from '@nihao/wire'
import { now } from '../connection/connection.ts'
import { ConnectionList } from '../connection/connection-list.ts'
import { type Peer, peerOf } from '../connection/peer.ts'
import { type UnservedEnd, unservedReport } from '../connection/report.ts'
import type { ServerEvents } from '../events.ts'
import type { ConnectionFaults } from '../faults/faults.ts'
import { finite } from '../hello.ts'
import type { Capacity } from '../limits/capacity.ts'
import type { Slots } from '../limits/slots.ts'
import type { Listener } from '../listener.ts'
import type { RejectReason } from '../reasons.ts'
import { Admission, type AdmissionRules, type ProxyError } from './admission.ts'
import { reject } from './reject.ts'

/** An accepted connection that was not rejected and holds its slots. */
export interface Accepted {
  readonly socket: Socket
  readonly peer: Peer
  readonly acceptedAtMs: number
  readonly faults: ConnectionFaults | undefined
}

/** The end of a connection whose protocol had not begun. */
export type Unserved = Pick<UnservedEnd, 'peer' | 'reason' | 'error' | 'unexpected' | 'handshakeFailure'>

/** Accepts or rejects new connections, and runs the admission of accepted ones. */
export class Acceptor {
  /** Connections whose protocol has not begun. */
  readonly admissions = new ConnectionList<Admission>()
  readonly #listener: Listener
  readonly #events: ServerEvents
  readonly #capacity: Capacity
  readonly #slots: Slots
  /** Undefined if the protocol begins with the first byte. */
  readonly #rules: AdmissionRules | undefined

  constructor(listener: Listener, events: ServerEvents, capacity: Capacity, slots: Slots) {
    this.#listener = listener
    this.#events = events
    this.#capacity = capacity
    this.#slots = slots
    const { tls } = listener
    const { proxy, handshakeTimeout: timeoutMs } = listener.limits
    this.#rules = proxy === 'off' && tls === undefined ? undefined : { proxy, tls, timeoutMs }
  }

  accept(socket: Socket): void {
    const { active, limit, faults, budget } = this.#listener
    const peer = peerOf(socket)
    const rules = this.#rules
    const proxied = rules !== undefined && rules.proxy !== 'off'
    if (active >= limit || this.#slots.full) this.#reject(socket, peer, 'max_connections', finite(limit))
    else if (budget.exhausted || (rules !== undefined && budget.handshakesExhausted)) this.#reject(socket, peer, 'overload', null)
    // Limits apply to the addresses behind a proxy, not to the proxy's own.
    else if (!proxied && this.#rejectByAddress(socket, peer)) return
    else if (proxied && !this.#trusts(peer)) this.#reject(socket, peer, 'proxy_header', null, 'untrusted')
    else {
      const connectionFaults = faults?.next()
      if (connectionFaults?.refused) this.#reject(socket, peer, 'fault', null)
      else {
        this.#slots.take(peer)
        const accepted = { socket, peer, faults: connectionFaults, acceptedAtMs: now() }
        if (rules === undefined) this.#listener.serve(accepted)
        else this.#admit(accepted, rules)
      }
    }
  }

  /** Reports the end of a connection whose protocol had not begun. */
  endUnserved({ acceptedAtMs }: Accepted, end: Unserved): void {
    this.#slots.release(end.peer)
    const durationMs = now() - acceptedAtMs
    this.#listener.ended(unservedReport({ listener: this.#listener.label, durationMs, ...end }))
  }

  #admit(accepted: Accepted, rules: AdmissionRules): void {
    const { socket } = accepted
    let { peer } = accepted
    const { budget } = this.#listener
    const remove = () => {
      this.admissions.remove(admission)
      budget.changeHandshakes(-1)
    }
    const end = (how: Omit<Unserved, 'peer'>) => {
      remove()
      this.#listener.counters.opened++
      this.endUnserved(accepted, { peer, ...how })
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
        this.#listener.resolveIfEmpty()
        return true
      },
      admitted: stream => {
        remove()
        this.#listener.serve({ ...accepted, socket: stream, peer })
      },
      rejected: detail => {
        remove()
        this.#slots.release(peer)
        this.#reject(socket, peer, 'proxy_header', null, detail)
        this.#listener.resolveIfEmpty()
      },
      handshakeSucceeded: durationMs => this.#events.emit('handshake', this.#listener, durationMs),
      handshakeFailed: (handshakeFailure, error) => end({ reason: 'tls_error', handshakeFailure, error }),
      terminated: (reason, error) => end({ reason, error, unexpected: error !== undefined }),
    })
    this.admissions.add(admission)
    budget.changeHandshakes(1)
  }

  /** Whether a peer may send a PROXY header. File permissions control access to a Unix socket. */
  #trusts({ address }: Peer): boolean {
    return address === undefined || this.#listener.limits.trustedProxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  /** @returns true if the connection was rejected because its address has reached a limit */
  #rejectByAddress(socket: Socket, peer: Peer): boolean {
    const limit = this.#slots.limitReached(peer)
    if (limit !== undefined) this.#reject(socket, peer, 'max_connections_per_address', limit)
    return limit !== undefined
  }

  #reject(socket: Socket, peer: Peer, reason: RejectReason, limit: number | null, detail?: ProxyError): void {
    const { counters, encrypted, protocol } = this.#listener
    counters.addRejected(reason)
    this.#events.emit('rejected', this.#listener, peer, reason, detail)
    // No message can be sent before the TLS handshake.
    reject(socket, this.#capacity, encrypted ? undefined : protocols[protocol].reject?.(reason, limit))
  }
}
