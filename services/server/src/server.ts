import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@nihao/service'
import { type Capacity, createCapacity } from './capacity.ts'
import type { Connection, Peer } from './connection.ts'
import { describeFaults } from './faults.ts'
import { Listener } from './listener.ts'
import type { CloseReason } from './reasons.ts'
import { RefusalLog } from './refusal-log.ts'
import type { ServerConfig } from './settings.ts'
import type { CertificateEvents, HandshakeFailure } from './tls-gate.ts'

type HandshakeSubscriber = (listener: Listener, durationMs: number) => void
type CloseSubscriber = (listener: Listener, connection: Connection, reason: CloseReason) => void

/** All listeners of the process, from bind to drain. */
export class Server {
  readonly listeners: readonly Listener[]
  readonly #logger: Logger
  readonly #capacity: Capacity
  readonly #closeSubscribers: CloseSubscriber[] = []
  readonly #handshakeSubscribers: HandshakeSubscriber[] = []
  #listening = false
  #draining = false

  constructor(config: ServerConfig, release: string, logger: Logger) {
    const refusals = new RefusalLog(logger)
    const events = {
      closed: (listener: Listener, connection: Connection, reason: CloseReason) => {
        for (const subscriber of this.#closeSubscribers) subscriber(listener, connection, reason)
      },
      rejected: refusals.add,
      handshake: (listener: Listener, durationMs: number) => {
        for (const subscriber of this.#handshakeSubscribers) subscriber(listener, durationMs)
      },
      handshakeFailed: (listener: Listener, peer: Peer, reason: HandshakeFailure, error: Error | undefined) =>
        logger.debug({ listener: listener.label, ...describePeer(peer), reason, error }, 'TLS handshake failed'),
      certificates: (listener: Listener) => certificateLog(logger, listener),
      failed: (listener: Listener, error: Error) => logger.error({ listener: listener.label, error }, 'could not accept'),
    }
    this.#logger = logger
    this.#capacity = createCapacity(config.maxConnections)
    const identity = { server: config.identity || hostname(), release, boot: randomUUID() }
    this.listeners = config.listeners.map(listener => new Listener(listener, identity, this.#capacity, events))
    this.onClose((listener, connection, reason) => logClosed(logger, listener, connection, reason))
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Undefined while the server does its work, else why it does not. */
  notReady(): string | undefined {
    return this.#draining ? 'draining' : this.#listening ? undefined : 'starting'
  }

  /** Subscribes to the end of every connection. */
  onClose(subscriber: CloseSubscriber): void {
    this.#closeSubscribers.push(subscriber)
  }

  /** Subscribes to the TLS handshakes that came to a good end. */
  onHandshake(subscriber: HandshakeSubscriber): void {
    this.#handshakeSubscribers.push(subscriber)
  }

  /** Reads the certificates of all listeners now, whether their files have changed or not. */
  reloadCertificates(): void {
    if (this.listeners.every(({ tls }) => tls === undefined)) this.#logger.info('no certificates to reload')
    for (const { tls } of this.listeners) tls?.reload()
  }

  /**
   * Binds all listeners, or none.
   * @throws {AggregateError} of a ListenError for each that can't be bound
   */
  async listen(): Promise<void> {
    const results = await Promise.allSettled(this.listeners.map(listener => listener.listen()))
    const errors = results.filter(result => result.status === 'rejected').map(({ reason }) => reason)
    if (errors.length > 0) {
      for (const listener of this.listeners) void listener.drain(0)
      throw new AggregateError(errors)
    }
    this.#listening = true
    for (const { label, address } of this.listeners) {
      this.#logger.info({ listener: label, ...(typeof address === 'string' ? { path: address } : address) }, 'listening')
    }
    for (const { label, faults } of this.listeners) {
      if (faults) this.#logger.warn({ listener: label, faults: describeFaults(faults.settings) }, 'faults are on')
    }
    const { limit, openFiles } = this.#capacity
    if (openFiles !== undefined) {
      this.#logger.warn({ openFiles, connections: limit }, 'the limit of open files allows fewer connections than the settings')
    }
  }

  /**
   * Leaves without cutting anyone off: goes on accepting for `delayMs`, then lets every connection end when what it has received is
   * answered, and cuts those that have not ended after `timeoutMs`.
   */
  async drain(delayMs: number, timeoutMs: number): Promise<void> {
    this.#draining = true
    this.#logger.info({ delayMs, connections: this.#open().length }, 'draining: still accepting')
    await delay(delayMs)

    this.#logger.info({ timeoutMs, connections: this.#open().length }, 'draining: no longer accepting')
    const drained = Promise.all(this.listeners.map(listener => listener.drain(timeoutMs)))
    const timeout = new AbortController()
    await Promise.race([drained, delay(timeoutMs, undefined, { signal: timeout.signal }).catch(() => {})])
    timeout.abort()

    const late = this.#open()
    if (late.length > 0) this.#logger.warn({ connections: late.length }, 'drain timeout: cutting what is left')
    for (const listener of this.listeners) listener.cut('drain_timeout')
    await drained
  }

  #open(): Connection[] {
    return this.listeners.flatMap(listener => [...listener.connections])
  }
}

/** One line for each connection, at its end. A port scan or a health check by TCP that sends nothing is no news. */
function logClosed(logger: Logger, listener: Listener, connection: Connection, reason: CloseReason): void {
  const { peer, receivedBytes, sentBytes, messages, bufferedBytes, unansweredBytes, error } = connection
  const level = receivedBytes > 0 ? 'info' : 'debug'
  if (!logger.isLevelEnabled(level)) return
  logger[level](
    {
      listener: listener.label,
      ...describePeer(peer),
      reason,
      durationMs: Math.round(performance.now() - connection.openedAtMs),
      receivedBytes,
      sentBytes,
      messages,
      unsentBytes: bufferedBytes || undefined,
      unansweredBytes: unansweredBytes || undefined,
      error,
    },
    'connection closed',
  )
}

/** Where a proxy told the address, the socket's own stands beside it. */
function describePeer({ address, port, via }: Peer): object {
  return { remoteAddress: address, remotePort: port, ...(via && { via: { address: via.address, port: via.port } }) }
}

function certificateLog(logger: Logger, listener: Listener): CertificateEvents {
  return {
    reloaded: expiresAtMs =>
      logger.info({ listener: listener.label, expires: new Date(expiresAtMs).toISOString() }, 'certificates reloaded'),
    notReloaded: error =>
      logger.error({ listener: listener.label, error }, 'could not reload certificates: the ones before stay in use'),
  }
}

/** What the admin endpoint shows of every open connection. */
export function describeConnections({ listeners }: Server): object {
  const nowMs = performance.now()
  return {
    listeners: listeners.map(({ label, address, active, limit }) => ({
      listener: label,
      address,
      active,
      limit: Number.isFinite(limit) ? limit : null,
    })),
    connections: listeners.flatMap(({ label, connections }) =>
      [...connections].map(({ peer, openedAtMs, receivedBytes, sentBytes, bufferedBytes, messages }) => ({
        listener: label,
        ...describePeer(peer),
        ageMs: Math.round(nowMs - openedAtMs),
        receivedBytes,
        sentBytes,
        bufferedBytes,
        messages,
      })),
    ),
  }
}

/** The whole life of a server in a few figures, for the last line of its log. */
export function describeTotals({ listeners }: Server): object {
  return Object.fromEntries(
    listeners.map(listener => [
      listener.label,
      { opened: listener.opened, ...listener.totals(), closed: nonZero(listener.closed), rejected: nonZero(listener.rejected) },
    ]),
  )
}

const nonZero = (counts: Record<string, number>) => Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
