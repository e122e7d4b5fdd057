import type { KernelSocket } from '@nihao/service'
import type { EndedConnection } from '@nihao/wire'
import type { Connection } from '../connect/connection.ts'
import type { Exchange } from '../connect/connection-events.ts'
import type { Failure } from '../failure.ts'
import type { SizeStatistics } from '../size-statistics.ts'
import { connectionId, settledEnd } from './end-at-server.ts'
import type { Side } from './evidence.ts'
import { type Direction, directionOf } from './lost-direction.ts'

/** An exchange that a connection lost first, until its direction is known. */
class Lost {
  readonly exchange: Exchange
  readonly failure: Failure
  readonly #connection: Connection
  readonly #row: Promise<KernelSocket | undefined>
  readonly #lostMs = performance.now()
  readonly #closedMs: Promise<number>
  #nextMs = Number.POSITIVE_INFINITY
  #answer: Promise<EndedConnection | undefined> | undefined

  /** @param row of the connection, which is closed when it was read */
  constructor(connection: Connection, failure: Failure, exchange: Exchange, row: Promise<KernelSocket | undefined> | undefined) {
    this.exchange = exchange
    this.failure = failure
    this.#connection = connection
    this.#row = row ?? Promise.resolve(undefined)
    this.#closedMs = this.#row.then(() => performance.now())
  }

  /** Asks the server at once: what follows on the next connection may be lost as well. */
  ask(next: Connection): void {
    const id = connectionId(this.#connection.hello)
    if (this.#answer !== undefined || id === undefined) return
    this.#nextMs = performance.now()
    this.#answer = next.askLast(id.boot, id.connection)
  }

  async direction(found: Connection, limit: Promise<undefined>): Promise<Direction> {
    const { failure } = this
    const id = connectionId(this.#connection.hello)
    const ended = await Promise.race([this.#answer, limit])
    const toldMs = performance.now()
    const { answered, receivedBytes } = this.#connection
    const [kernel, closedMs] = [await this.#row, await this.#closedMs]
    const lost = { failure, answered, receivedBytes, kernel, lostMs: this.#lostMs, closedMs, nextMs: this.#nextMs }
    const direction = directionOf({ ...lost, ended, toldMs })
    if (direction !== 'unknown' || ended?.state !== 'open') return direction
    // The server may have seen the end since.
    const later = await Promise.race([settledEnd(this.#answer, found, id), limit])
    return directionOf({ ...lost, ended: later, toldMs: performance.now() })
  }
}

/** Connections of one outage that are asked for. */
const MAX_LOST = 1_000

/** Counts the exchanges that a session lost by size and direction: the direction is known when their outage is over. */
export class LostExchanges {
  readonly #statistics: SizeStatistics
  #lost: Lost[] = []

  constructor(statistics: SizeStatistics) {
    this.#statistics = statistics
  }

  add(...[connection, failure, exchange, row]: ConstructorParameters<typeof Lost>): void {
    if (this.#lost.length < MAX_LOST) this.#lost.push(new Lost(connection, failure, exchange, row))
    else this.#statistics.failed(exchange, failure.reason, 'unknown')
  }

  /** There is another connection with the server. */
  connected(next: Connection): void {
    for (const lost of this.#lost) lost.ask(next)
  }

  /** Those that were lost until now. */
  take(): Lost[] {
    return this.#lost.splice(0)
  }

  /**
   * Counts those of an outage that is over.
   * @param found the connection that works now; undefined: none does
   * @param side of the outage: only what the path lost has a direction
   * @param limit resolves when the server's answers are no longer waited for
   */
  async count(all: readonly Lost[], found: Connection | undefined, side: Side, limit: Promise<undefined>): Promise<void> {
    const mayBeThePath = side === 'path' || side === 'unknown'
    const count = async (lost: Lost) => {
      const direction = found !== undefined && mayBeThePath ? await lost.direction(found, limit) : 'unknown'
      this.#statistics.failed(lost.exchange, lost.failure.reason, direction)
    }
    await Promise.all(all.map(count))
  }
}
