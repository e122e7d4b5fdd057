import { FloodLog, type Logger, logSerialized } from '@nihao/service'
import type { ProxyError } from './admission/admission.ts'
import { describePeer } from './connection/peer.ts'
import type { ConnectionReport } from './connection/report.ts'
import type { DrainStage, ServerEvents } from './events.ts'
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
    events.on('listening', (listeners, capacity) => this.#listening(listeners, capacity))
    events.on('draining', stage => this.#draining(stage))
    events.on('bufferLimitExceeded', relief => this.#reliefs.add('', relief))
    events.on('closed', (_, report) => this.#closed(report))
    events.on('rejected', ({ label: listener }, { address: remoteAddress }, reason, detail) =>
      this.#rejections.add(`${listener} ${reason}`, { listener, remoteAddress, reason, detail }),
    )
    events.on('certificatesReloaded', ({ label: listener }, expiresAtMs) =>
      logger.info({ listener, expires: new Date(expiresAtMs).toISOString() }, 'certificates reloaded'),
    )
    events.on('certificateExpiresSoon', ({ label: listener }, expiresAtMs) =>
      logger.warn({ listener, expires: new Date(expiresAtMs).toISOString() }, 'certificate expires soon'),
    )
    events.on('certificateReloadFailed', ({ label: listener }, error) =>
      logger.error({ listener, error }, 'could not reload certificates; the previous ones stay in use'),
    )
    events.on('acceptFailed', ({ label: listener }, error) => logger.error({ listener, error }, 'accept failed'))
  }

  noCertificates(): void {
    this.#logger.info('no certificates to reload')
  }

  #listening(listeners: readonly Listener[], { limit, openFiles }: Capacity): void {
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

  #draining({ stage, ...fields }: DrainStage): void {
    if (stage === 'accepting') this.#logger.info(fields, 'draining: still accepting')
    else if (stage === 'closing') this.#logger.info(fields, 'draining: no longer accepting')
    else this.#logger.warn(fields, 'drain timeout: terminating open connections')
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
    if (!this.#logger.isLevelEnabled(level)) return
    const fields = serializeReport(report)
    if (fields === undefined) this.#logger[level](describeReport(report), 'connection closed')
    else logSerialized(this.#logger, level, fields, 'connection closed')
  }
}

/** The fields of most reports as JSON, as `logSerialized` takes them; undefined for one that only the logger can serialize. */
export function serializeReport(report: ConnectionReport): string | undefined {
  const { listener, peer, reason, durationMs, receivedBytes, sentBytes, messages, unsentBytes, unansweredBytes, error } = report
  const { address, port, via } = peer
  if (error !== undefined || via !== undefined || address === undefined || port === undefined) return undefined
  const from = `,"listener":${JSON.stringify(listener)},"remoteAddress":${JSON.stringify(address)},"remotePort":${port}`
  const counts = `,"durationMs":${durationMs},"receivedBytes":${receivedBytes},"sentBytes":${sentBytes},"messages":${messages}`
  const unsent = unsentBytes > 0 ? `,"unsentBytes":${unsentBytes}` : ''
  const unanswered = unansweredBytes > 0 ? `,"unansweredBytes":${unansweredBytes}` : ''
  return `${from},"reason":"${reason}"${counts}${unsent}${unanswered}`
}

export function describeReport(report: ConnectionReport): object {
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
