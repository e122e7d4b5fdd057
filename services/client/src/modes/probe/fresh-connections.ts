import { Connection } from '../../connect/connection.ts'
import type { ConnectionEvents, Exchange } from '../../connect/connection-events.ts'
import type { ProbeValues } from '../../settings.ts'
import type { Target } from '../../target.ts'
import type { Host } from './addresses.ts'
import { OutageTracker } from './outage-tracker.ts'
import type { SessionLog } from './session-log.ts'

/** Exchanges on a new connection each: new connections may fail while old ones still work, and the reverse. */
export class FreshConnections {
  readonly #target: Target<ProbeValues>
  readonly #host: Host
  readonly #outages: OutageTracker
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(target: Target<ProbeValues>, log: SessionLog, host: Host) {
    this.#target = target
    this.#host = host
    this.#outages = new OutageTracker(target, log)
  }

  /** Starts the exchange that was due at `intendedMs`. */
  exchange(intendedMs: number): void {
    const running = this.#connectAndExchange(this.#target.newExchange(intendedMs))
    this.#running.add(running)
    void running.then(() => this.#running.delete(running))
  }

  /** Resolves when the started exchanges are over; connections that are not yet open are abandoned. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
    this.#outages.stop()
  }

  async #connectAndExchange(exchange: Exchange): Promise<void> {
    const { signal } = this.#stopping
    const { connector, statistics, values } = this.#target
    const closed = Promise.withResolvers<void>()
    const owner: ConnectionEvents = {
      answered: connection => this.#outages.succeeded(connection),
      closed: (_, failure, lost) => {
        if (failure !== undefined) this.#outages.failed(failure, { connected: true, lostExchanges: lost.length })
        closed.resolve()
      },
    }
    const connection = await connector.connect(owner, signal, { host: this.#host })
    if (connection instanceof Connection) {
      connection.send(exchange)
      connection.finish(values.timeout)
      await closed.promise
    } else if (!signal.aborted) {
      statistics.exchangeFailed(connection.reason)
      this.#outages.failed(connection, { connected: false, lostExchanges: 1 })
    }
  }
}
