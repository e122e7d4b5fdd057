import { FloodLog, type Logger } from '@nihao/service'
import type { ProxyError } from './admission/admission.ts'
import { describePeer } from './connection/peer.ts'
import type { ConnectionReport } from './connection/report.ts'
import type { ServerEvents } from './events.ts'
import { describeFaults } from './faults/faults.ts'
import type { Relief } from './limits/buffer-budget.ts'
import type { Capacity } from './limits/capacity.ts'
import type { Listener } from './listener.ts'
import type { RejectReason } from './reasons.ts'

interface Rejection {
  readonly listener: string
  readonly remoteAddress: string | undefined
  readonly reason: RejectReason
  readonly detail: ProxyError | undefined
}

const FLOOD_WINDOW_MS = 10_000

/** All log lines of a server. */
export class ServerLog {
  readonly #logger: Logger
  /** The first rejection is logged immediately, later ones as a summary. */
  readonly #rejections: FloodLog<Rejection>
  readonly #reliefs: FloodLog<Relief>

  constructor(logger: Logger, events: ServerEvents) {
    this.#logger = logger
    this.#rejections = new FloodLog({
      singles: 1,
      windowMs: FLOOD_WINDOW_MS,
      log: rejection => logger.warn(rejection, 'connection rejected'),
      logSummary: ({ listener, reason }, connections, windowMs) =>
        logger.warn({ listener, reason, connections, windowMs }, 'connections rejected'),
    })
    this.#reliefs = new FloodLog({
      singles: 1,
      windowMs: FLOOD_WINDOW_MS,
      log: relief => logger.warn(relief, 'buffer limit exceeded: terminated slow readers'),
      logSummary: (relief, times, windowMs) =>
        logger.warn({ ...relief, times, windowMs }, 'buffer limit exceeded: terminated slow readers'),
      add: (summary, { terminated }) => ({ ...summary, terminated: summary.terminated + terminated }),
    })
    events.on('bufferLimitExceeded', relief => this.#reliefs.add('', relief))
    events.on('closed', (_, report) => this.#closed(report))
    events.on('rejected', ({ label: listener }, { address: remoteAddress }, reason, detail) =>
      this.#rejections.add(`${listener} ${reason}`, { listener, remoteAddress, reason, detail }),
    )
    events.on('certificatesReloaded', ({ label: listener }, expiresAtMs) =>
      logger.info({ listener, expires: new Date(expiresAtMs).toISOString() }, 'certificates reloaded'),
    )
    events.on('certificateReloadFailed', ({ label: listener }, error) =>
      logger.error({ listener, error }, 'could not reload certificates; the previous ones stay in use'),
    )
    events.on('acceptFailed', ({ label: listener }, error) => logger.error({ listener, error }, 'accept failed'))
  }

  listening(listeners: readonly Listener[], { limit, openFiles }: Capacity): void {
    for (const { label: listener, address } of listeners) {
      this.#logger.info({ listener, ...(typeof address === 'string' ? { path: address } : address) }, 'listening')
    }
    for (const { label: listener, faults } of listeners) {
      if (faults) this.#logger.warn({ listener, faults: describeFaults(faults.settings) }, 'faults enabled')
    }
    if (openFiles !== undefined) {
      this.#logger.warn({ openFiles, maxConnections: limit }, 'max-connections lowered to fit the open file limit')
    }
  }

  noCertificates(): void {
    this.#logger.info('no certificates to reload')
  }

  drainDelay(delayMs: number, connections: number): void {
    this.#logger.info({ delayMs, connections }, 'draining: still accepting')
  }

  draining(timeoutMs: number, connections: number): void {
    this.#logger.info({ timeoutMs, connections }, 'draining: no longer accepting')
  }

  drainTimeout(connections: number): void {
    this.#logger.warn({ connections }, 'drain timeout: terminating open connections')
  }

  /** Connections without data, such as port scans and TCP health checks, are logged at `debug`. */
  #closed(report: ConnectionReport): void {
    const { handshakeFailure, receivedBytes, unexpected } = report
    if (handshakeFailure !== undefined) {
      const { listener, peer, error } = report
      this.#logger.debug({ listener, ...describePeer(peer), reason: handshakeFailure, error }, 'TLS handshake failed')
      return
    }
    const level = unexpected ? 'error' : receivedBytes > 0 ? 'info' : 'debug'
    if (this.#logger.isLevelEnabled(level)) this.#logger[level](describeReport(report), 'connection closed')
  }
}

function describeReport(report: ConnectionReport): object {
  const { listener, peer, reason, durationMs, receivedBytes, sentBytes, messages, unsentBytes, unansweredBytes, error } = report
  return {
    listener,
    ...describePeer(peer),
    reason,
    durationMs,
    receivedBytes,
    sentBytes,
    messages,
    unsentBytes: unsentBytes || undefined,
    unansweredBytes: unansweredBytes || undefined,
    error,
    // The logger omits the stack of errors with a code.
    stack: report.unexpected && error !== undefined && 'code' in error ? error.stack : undefined,
  }
}
