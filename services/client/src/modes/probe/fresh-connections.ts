import { Connection } from '../../connect/connection.ts'
import type { ConnectionEvents, Exchange } from '../../connect/connection-events.ts'
import { OutageTracker, type TrackerContext } from '../../outages/outage-tracker.ts'
import type { Host } from './addresses.ts'

/** Exchanges on a new connection each: new connections may fail while old ones still work, and the reverse. */
export class FreshConnections {
  readonly #context: TrackerContext
  readonly #host: Host
  readonly #outages: OutageTracker
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(context: TrackerContext, host: Host) {
    this.#context = context
    this.#host = host
    this.#outages = new OutageTracker(context, () => Promise.all(this.#running))
  }

  /** Starts the exchange that was due at `intendedMs`. */
  exchange(intendedMs: number): void {
    const running = this.#connectAndExchange(this.#context.target.newExchange(intendedMs))
    this.#running.add(running)
    void running.then(() => this.#running.delete(running))
  }

  /** Resolves when the started exchanges are over; connections that are not yet open are abandoned. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
    await this.#outages.stop()
  }

  async #connectAndExchange(exchange: Exchange): Promise<void> {
    const { signal } = this.#stopping
    const { connector, values } = this.#context.target
    const outages = this.#outages
    const closed = Promise.withResolvers<void>()
    const owner: ConnectionEvents = {
      answered: (connection, _exchange, roundTripMs, nowMs) => {
        this.#context.target.logFirstReply(connection, roundTripMs)
        this.#context.peer?.answered(roundTripMs)
        outages.succeeded(connection, nowMs)
      },
      timedOut: connection => outages.timedOut(connection),
      closed: (connection, failure, lost) => {
        this.#context.peer?.failed(failure?.reason ?? 'other', lost.length)
        if (failure !== undefined && lost.length > 0) outages.broke(connection, failure, lost)
        closed.resolve()
      },
    }
    const startMs = performance.now()
    const handshakeDone = (remoteAddress: string) => outages.handshakeDone(startMs, performance.now(), remoteAddress)
    const connection = await connector.connect(owner, signal, { host: this.#host, handshakeDone })
    if (connection instanceof Connection) {
      this.#context.peer?.connected(connection)
      if (outages.failing) outages.connected(connection)
      connection.send(exchange)
      connection.finish(values.timeout)
      await closed.promise
    } else if (!signal.aborted) {
      outages.notConnected(connection)
      outages.gaveUp(exchange, connection)
    }
  }
}
