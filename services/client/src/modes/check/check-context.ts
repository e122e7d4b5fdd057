import { randomBytes } from 'node:crypto'
import { type ProtocolName, protocols } from '@nihao/wire'
import { Connection } from '../../connect/connection.ts'
import type { Phase } from '../../connect/connector.ts'
import { Facts } from '../../outages/facts.ts'
import type { CheckValues } from '../../settings.ts'
import { CheckConnection } from './check-connection.ts'
import { CheckFailure } from './check-failure.ts'
import type { CheckTarget } from './check-target.ts'
import { factsOptions } from './facts-options.ts'

const HEADER_BYTES = 13
const LINE_END_BYTES = 1

/** Servers wait at least about this long for a client that stands still before they close. */
const MIN_STOPPED_MS = 2_000

export interface CheckConnectOptions {
  /** Overrides the target's message. */
  readonly message?: string
  /** Overrides the target's timeout. */
  readonly timeoutMs?: number
}

/** The context of a check: its target, and connections that are closed when the check ends. */
export class CheckContext implements Disposable {
  readonly values: CheckValues
  readonly protocol: ProtocolName
  /** Time limit of the check. */
  readonly limitMs: number
  readonly #target: CheckTarget
  readonly #signal: AbortSignal
  readonly #connections: CheckConnection[] = []

  /** @param signal ends the check */
  constructor(target: CheckTarget, limitMs: number, signal: AbortSignal) {
    this.values = target.values
    this.protocol = target.protocol
    this.limitMs = limitMs
    this.#target = target
    this.#signal = signal
  }

  /** True if the server speaks first. */
  get serverSpeaksFirst(): boolean {
    return !protocols[this.protocol].text || this.values.banner
  }

  /** Duration of each phase of the last connection, ms. */
  get phasesMs(): Readonly<Partial<Record<Phase, number>>> {
    return this.#target.phasesMs
  }

  /** Random text, so that a stale or foreign reply is detected. @param sizeBytes of the whole request */
  textFor(sizeBytes: number): string {
    const overheadBytes = protocols[this.protocol].text ? LINE_END_BYTES : HEADER_BYTES
    const lengthBytes = Math.max(0, sizeBytes - overheadBytes)
    return randomBytes(lengthBytes).toString('base64').slice(0, lengthBytes)
  }

  /** Connects without waiting for the server's first message. @throws {CheckFailure} */
  async dial(options: CheckConnectOptions = {}): Promise<CheckConnection> {
    const connection = await this.#target.connector.dial(this.#signal, options)
    if (!(connection instanceof Connection)) {
      const { reason, error } = connection
      const { timeoutMs = this.values.timeout } = options
      const facts = new Facts(
        connection,
        undefined,
        undefined,
        performance.now(),
        factsOptions(timeoutMs, this.#target.instruments),
      )
      throw new CheckFailure(reason, `no connection: ${error?.message ?? reason}`, {}, facts)
    }
    const stoppedMs = Math.max(MIN_STOPPED_MS, this.values.timeout)
    const checkConnection = new CheckConnection(connection, this.#signal, this.#target.instruments, stoppedMs)
    this.#connections.push(checkConnection)
    return checkConnection
  }

  /** Connects and waits for the server's first message. @throws {CheckFailure} */
  async connect(options: CheckConnectOptions = {}): Promise<CheckConnection> {
    const connection = await this.dial(options)
    await connection.opened(options.timeoutMs ?? this.values.timeout)
    return connection
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection[Symbol.dispose]()
  }
}
