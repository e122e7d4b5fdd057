import { Connection } from '../connection.ts'
import type { ProbeValues } from '../settings.ts'
import type { Target } from '../target.ts'
import type { Host } from './addresses.ts'
import { Outages } from './outage.ts'
import type { TargetLog } from './target-log.ts'

/** Exchanges that get a connection each: whether new connections work is another question than whether old ones live on. */
export class FreshConnections {
  readonly #target: Target<ProbeValues>
  readonly #host: Host
  readonly #outages: Outages
  readonly #stopping = new AbortController()
  readonly #underWay = new Set<Promise<void>>()

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(target: Target<ProbeValues>, log: TargetLog, host: Host) {
    this.#target = target
    this.#host = host
    this.#outages = new Outages(target, log)
  }

  /** Starts the exchange that was due at `intendedMs`. */
  exchange(intendedMs: number): void {
    const exchange = this.#connectAndExchange(intendedMs)
    this.#underWay.add(exchange)
    void exchange.then(() => this.#underWay.delete(exchange))
  }

  /** Resolves when the exchanges that are under way are over; connections that are not yet open are given up. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#underWay)
    this.#outages.stop()
  }

  async #connectAndExchange(intendedMs: number): Promise<void> {
    const exchange = this.#target.newExchange(intendedMs)
    const { signal } = this.#stopping
    const closed = Promise.withResolvers<void>()
    const connection = await this.#target.connect(
      {
        answered: connection => this.#outages.succeeded(connection),
        closed: (_, failure, lostExchanges) => {
          if (failure !== undefined) this.#outages.failed(failure, true, lostExchanges)
          closed.resolve()
        },
      },
      signal,
      { host: this.#host },
    )
    if (connection instanceof Connection) {
      connection.send(exchange)
      connection.finish(this.#target.values.timeout)
      await closed.promise
    } else if (!signal.aborted) {
      this.#target.failed(connection.reason)
      this.#outages.failed(connection, false, 1)
    }
  }
}
