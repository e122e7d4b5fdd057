import type { LoadValues } from '../../settings.ts'
import type { Target } from '../../target.ts'
import { BrokenConnections, type BrokenTotals } from './broken-connections.ts'
import { LoadConnection, type LoadConnectionEvents } from './load-connection.ts'

/** The connections of a thread to one target. */
export class LoadConnections {
  readonly all: readonly LoadConnection[]
  readonly #broken: BrokenConnections
  #ended: Promise<unknown> = Promise.resolve()
  /** Index of the connection last returned by `nextFree`. */
  #turn = 0

  constructor(target: Target<LoadValues>, connections: number, events: LoadConnectionEvents) {
    const broken = new BrokenConnections(target.values.timeout)
    this.#broken = broken
    this.all = Array.from({ length: connections }, () => new LoadConnection(target, events, broken))
  }

  /** Resolves when every connection has been tried once. */
  async connect(): Promise<void> {
    this.#ended = Promise.all(this.all.map(connection => connection.run()))
    await Promise.all(this.all.map(({ tried }) => tried))
  }

  /** Resolves when all connections are closed, with those that failed. */
  async close(): Promise<BrokenTotals[]> {
    for (const connection of this.all) connection.stop()
    await this.#ended
    for (const connection of this.all) connection.ended()
    return this.#broken.close()
  }

  get connected(): boolean {
    return this.all.some(({ isConnected }) => isConnected)
  }

  /** Returns the next free connection, round-robin. */
  nextFree(): LoadConnection | undefined {
    for (let tried = 0; tried < this.all.length; tried++) {
      this.#turn = (this.#turn + 1) % this.all.length
      const connection = this.all[this.#turn]
      if (connection?.free) return connection
    }
    return undefined
  }
}
