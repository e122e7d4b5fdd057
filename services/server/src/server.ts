import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ExpiryWatch, type Logger } from '@nihao/service'
import type { ServerEvents } from './events.ts'
import { uniqueLabels } from './label.ts'
import type { BufferBudget } from './limits/buffer-budget.ts'
import type { Capacity } from './limits/capacity.ts'
import { Listener } from './listener.ts'
import { ServerLog } from './log.ts'
import { ProcessContext } from './process-context.ts'
import type { ServerConfig } from './settings.ts'

/** All listeners of the process, from bind to drain. */
export class Server {
  readonly listeners: readonly Listener[]
  readonly events: ServerEvents = new EventEmitter()
  readonly #log: ServerLog
  readonly #context: ProcessContext
  #listening = false
  #draining = false

  constructor(config: ServerConfig, release: string, logger: Logger) {
    this.#log = new ServerLog(logger, this.events)
    this.#context = new ProcessContext(config, release, this.events)
    this.listeners = config.listeners.map(listener => new Listener(listener, this.#context, this.events))
  }

  /** The limit of everything buffered for slow readers, and what counts against it. */
  get budget(): BufferBudget {
    return this.#context.budget
  }

  /** How it identifies itself to clients. */
  get name(): string {
    return this.#context.identity.server
  }

  /** The connections of all listeners together, and their limit. */
  get capacity(): Capacity {
    return this.#context.limits.capacity
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Why the server is not ready; undefined if it is ready. */
  notReady(): string | undefined {
    return this.#draining ? 'draining' : this.#listening ? undefined : 'starting'
  }

  /** Reloads the certificates of all listeners, even if their files are unchanged. */
  reloadCertificates(): void {
    if (this.listeners.every(({ tls }) => tls === undefined)) this.#log.noCertificates()
    for (const { tls } of this.listeners) tls?.reload()
  }

  /**
   * Binds all listeners or none.
   * @throws {AggregateError} with a ListenError for each address that can't be bound
   */
  async listen(): Promise<void> {
    const results = await Promise.allSettled(this.listeners.map(listener => listener.listen()))
    const errors = results.filter(result => result.status === 'rejected').map(({ reason }) => reason)
    if (errors.length > 0) {
      for (const listener of this.listeners) void listener.drain(0)
      throw new AggregateError(errors)
    }
    for (const [index, label] of uniqueLabels(this.listeners).entries()) {
      const listener = this.listeners[index]
      if (listener !== undefined) listener.label = label
    }
    this.#listening = true
    if (this.listeners.some(({ protocol }) => protocol === 'probe')) this.#context.eventLoop.start()
    this.events.emit('listening', this.listeners, this.capacity)
    for (const listener of this.listeners) this.#watchExpiry(listener)
  }

  /**
   * Shuts down gracefully: keeps accepting for `delayMs`, then ends each connection once everything received on it has been answered, and
   * terminates those still open after `timeoutMs`.
   */
  async drain(delayMs: number, timeoutMs: number): Promise<void> {
    this.#draining = true
    this.events.emit('draining', { stage: 'accepting', delayMs, connections: this.#openConnections() })
    await delay(delayMs)

    this.events.emit('draining', { stage: 'closing', timeoutMs, connections: this.#openConnections() })
    const drained = Promise.all(this.listeners.map(listener => listener.drain(timeoutMs)))
    const timeout = new AbortController()
    await Promise.race([drained, delay(timeoutMs, undefined, { signal: timeout.signal }).catch(() => {})])
    timeout.abort()

    const connections = this.#openConnections()
    if (connections > 0) this.events.emit('draining', { stage: 'terminating', connections })
    for (const listener of this.listeners) listener.terminate('drain_timeout')
    await drained
  }

  #watchExpiry(listener: Listener): void {
    const { tls } = listener
    if (tls === undefined) return
    const expiresSoon = (expiresAtMs: number) => this.events.emit('certificateExpiresSoon', listener, expiresAtMs)
    new ExpiryWatch(() => tls.expiresAtMs, expiresSoon).start()
  }

  #openConnections(): number {
    return this.listeners.reduce((sum, { connections }) => sum + connections.size, 0)
  }
}
