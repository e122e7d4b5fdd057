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

/** An accepted connection that was not rejected. It has taken its slots. */
export interface Accepted {
  readonly socket: Socket
  readonly peer: Peer
  readonly acceptedAtMs: number
  readonly faults: ConnectionFaults | undefined
}

/** How a connection ended whose protocol did not begin. */
export type Unserved = Pick<UnservedEnd, 'peer' | 'reason' | 'error' | 'unexpected' | 'handshakeFailure'>

/** Decides what becomes of the connections that the kernel hands over: rejected, admitted, or neither. */
export class Acceptor {
  /** Connections whose protocol has not begun. */
  readonly admissions = new ConnectionList<Admission>()
  readonly #listener: Listener
  readonly #events: ServerEvents
  readonly #capacity: Capacity
  readonly #slots: Slots
  /** Undefined where the protocol begins with the first byte. */
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
    // Addresses behind a proxy are limited, not its own.
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

  /** Reports the end of a connection whose protocol did not begin. */
  endUnserved({ acceptedAtMs }: Accepted, end: Unserved): void {
    this.#slots.release(end.peer)
    const durationMs = now() - acceptedAtMs
    this.#listener.ended(unservedReport({ listener: this.#listener.label, durationMs, ...end }))
  }

  #admit(accepted: Accepted, rules: AdmissionRules): void {
    const { socket } = accepted
    let { peer } = accepted
    const { budget } = this.#listener
    const leave = () => {
      this.admissions.remove(admission)
      budget.changeHandshakes(-1)
    }
    const end = (how: Omit<Unserved, 'peer'>) => {
      leave()
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
        leave()
        this.#listener.resolveIfEmpty()
        return true
      },
      admitted: stream => {
        leave()
        this.#listener.serve({ ...accepted, socket: stream, peer })
      },
      rejected: detail => {
        leave()
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

  /** Whether a peer may send a PROXY header. Access to a Unix socket is a matter of its file. */
  #trusts({ address }: Peer): boolean {
    return address === undefined || this.#listener.limits.trustedProxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }

  /** @returns whether the peer's address has reached a limit */
  #rejectByAddress(socket: Socket, peer: Peer): boolean {
    const limit = this.#slots.limitReached(peer)
    if (limit !== undefined) this.#reject(socket, peer, 'max_connections_per_address', limit)
    return limit !== undefined
  }

  #reject(socket: Socket, peer: Peer, reason: RejectReason, limit: number | null, detail?: ProxyError): void {
    const { counters, encrypted, protocol } = this.#listener
    counters.addRejected(reason)
    this.#events.emit('rejected', this.#listener, peer, reason, detail)
    // Before a TLS handshake, no message can be sent.
    reject(socket, this.#capacity, encrypted ? undefined : protocols[protocol].reject?.(reason, limit))
  }
}
