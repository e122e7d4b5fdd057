import type { Logger } from '@nihao/service'
import type { Connection } from './connect/connection.ts'
import type { Exchange } from './connect/connection-events.ts'
import { zeros } from './counters.ts'
import { type Failure, type FailureReason, failureReasons } from './failure.ts'
import { LargePacketLoss } from './large-packet-loss.ts'
import { type Direction, directions } from './outages/lost-direction.ts'

/** Addresses whose paths are told apart. */
const MAX_ADDRESSES = 100

interface Path {
  readonly loss: LargePacketLoss
  lossy: boolean
}

/** Failed exchanges of one size. */
export interface SizeFailures {
  readonly sizeBytes: number
  readonly reason: FailureReason
  readonly direction: Direction
  readonly count: number
}

/** Counts failures by the size of the request, and notices paths that lose large packets. */
export class SizeStatistics {
  /** By size. Only the first exchange that a connection loses: those behind it fail with it, whatever their size. */
  readonly #failures: ReadonlyMap<number, Record<FailureReason, Record<Direction, number>>>
  readonly #sizes: readonly number[]
  readonly #logger: Logger
  readonly #paths = new Map<string, Path>()

  constructor(sizes: readonly number[], logger: Logger) {
    const noFailures = () => Object.fromEntries(failureReasons.map(reason => [reason, zeros(directions)]))
    this.#failures = new Map(sizes.map(bytes => [bytes, noFailures() as Record<FailureReason, Record<Direction, number>>]))
    this.#sizes = sizes
    this.#logger = logger
  }

  answered({ remoteAddress }: Connection, { request }: Exchange): void {
    if (request === undefined) return
    const path = this.#pathTo(remoteAddress)
    path.loss.answered(request.length)
    this.#report(path, remoteAddress)
  }

  /** A connection lost this exchange first. */
  lost({ remoteAddress }: Connection, { reason }: Failure, { request }: Exchange): void {
    // Only silence is a sign of lost packets.
    if (reason !== 'timeout' || request === undefined) return
    const path = this.#pathTo(remoteAddress)
    path.loss.timedOut(request.length)
    this.#report(path, remoteAddress)
  }

  /** Counts an exchange that a connection lost first, once its direction is known. */
  failed({ request }: Exchange, reason: FailureReason, direction: Direction): void {
    const failures = this.#failures.get(request?.length ?? 0)
    if (failures !== undefined) failures[reason][direction]++
  }

  get failures(): SizeFailures[] {
    return [...this.#failures].flatMap(([sizeBytes, byReason]) =>
      failureReasons.flatMap(reason =>
        directions.map(direction => ({ sizeBytes, reason, direction, count: byReason[reason][direction] })),
      ),
    )
  }

  #report(path: Path, remoteAddress: string): void {
    const finding = path.loss.finding
    const lossy = finding !== undefined
    if (lossy === path.lossy) return
    path.lossy = lossy
    if (lossy) this.#logger.warn({ remoteAddress, ...finding, meaning: 'path MTU black hole' }, 'large packets are lost')
    else this.#logger.info({ remoteAddress }, 'large packets are no longer lost')
  }

  #pathTo(address: string): Path {
    const known = this.#paths.get(address)
    if (known !== undefined) return known
    const path: Path = { loss: new LargePacketLoss(this.#sizes), lossy: false }
    const [oldest] = this.#paths.keys()
    if (oldest !== undefined && this.#paths.size === MAX_ADDRESSES) this.#paths.delete(oldest)
    this.#paths.set(address, path)
    return path
  }
}
