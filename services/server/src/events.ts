import type { EventEmitter } from 'node:events'
import type { ProxyError } from './admission/admission.ts'
import type { Peer } from './connection/peer.ts'
import type { ConnectionReport } from './connection/report.ts'
import type { Relief } from './limits/buffer-budget.ts'
import type { Capacity } from './limits/capacity.ts'
import type { Listener } from './listener.ts'
import type { RejectReason } from './reasons.ts'

/** A stage of the drain: still accepting, no longer accepting, terminating what is left. */
export type DrainStage =
  | { readonly stage: 'accepting'; readonly delayMs: number; readonly connections: number }
  | { readonly stage: 'closing'; readonly timeoutMs: number; readonly connections: number }
  | { readonly stage: 'terminating'; readonly connections: number }

/** Events on the listeners of a server, for logs, metrics and `/events`. */
export type ServerEvents = EventEmitter<{
  /** All listeners are bound. */
  listening: [listeners: readonly Listener[], capacity: Capacity]
  draining: [stage: DrainStage]
  /** An accepted connection ended. */
  closed: [listener: Listener, report: ConnectionReport]
  /** The buffers of all connections together exceeded their limit. */
  bufferLimitExceeded: [relief: Relief]
  rejected: [listener: Listener, peer: Peer, reason: RejectReason, detail: ProxyError | undefined]
  /** A TLS handshake succeeded. */
  handshake: [listener: Listener, durationMs: number]
  certificatesReloaded: [listener: Listener, expiresAtMs: number]
  certificateExpiresSoon: [listener: Listener, expiresAtMs: number]
  certificateReloadFailed: [listener: Listener, error: Error]
  /** A connection could not be accepted; the listener continues. */
  acceptFailed: [listener: Listener, error: Error]
}>
