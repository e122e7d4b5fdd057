import { totalmem } from 'node:os'

/** The limit where the process has no memory limit; otherwise it is a quarter of that. */
const UNCONSTRAINED_BYTES = 256 * 2 ** 20

/** From this share of the limit on, the connections that hold the most are not read from. */
const NEAR = 0.8

/** Unfinished handshakes may take this share of the limit; the rest is left to open connections. */
const HANDSHAKES_SHARE = 0.5

/** About what OpenSSL and Node allocate for a TLS handshake, and more than a PROXY header takes. */
const HANDSHAKE_BYTES = 64 * 1_024

/** How long new connections are rejected once the limit was exceeded: they would take the place of those just terminated. */
const OVERLOAD_MS = 1_000

/** A connection as the budget sees it. */
export interface Holder {
  /** The bytes last counted for it; belongs to the budget. */
  heldBytes: number
  /** Counts again what it holds now. */
  countHeld(): void
  /** Closes it at once, which frees what it holds. */
  terminate(reason: 'slow_reader'): void
}

/** What the budget did when its limit was exceeded. */
export interface Relief {
  /** Before. */
  readonly heldBytes: number
  readonly limitBytes: number
  /** Connections. */
  readonly terminated: number
}

/** The memory that all connections of the process may hold for peers that do not read, and for handshakes that are not finished. */
export class BufferBudget {
  /** Infinity = no limit. */
  readonly limitBytes: number
  readonly #nearBytes: number
  readonly #lists: Iterable<Holder>[] = []
  readonly #relieved: (relief: Relief) => void
  readonly #now: () => number
  #bytes = 0
  #holders = 0
  #handshakes = 0
  #overloadedUntilMs = 0

  constructor(limitBytes: number, relieved: (relief: Relief) => void, now = () => performance.now()) {
    this.limitBytes = limitBytes
    this.#nearBytes = limitBytes * NEAR
    this.#relieved = relieved
    this.#now = now
  }

  /** At least the bytes held now: what a reader has taken since is noticed at the next sweep. */
  get bytes(): number {
    return this.#bytes
  }

  /** True while new connections must be rejected. */
  get exhausted(): boolean {
    return this.#bytes >= this.limitBytes || (this.#overloadedUntilMs > 0 && this.#now() < this.#overloadedUntilMs)
  }

  /** True while no connection may begin a handshake. */
  get handshakesExhausted(): boolean {
    return this.#handshakes * HANDSHAKE_BYTES >= this.limitBytes * HANDSHAKES_SHARE
  }

  /** @param holders all connections of a listener: the limit applies to them */
  cover(holders: Iterable<Holder>): void {
    this.#lists.push(holders)
  }

  /** Replaces what was counted for a connection. */
  count(holder: Holder, bytes: number): void {
    const before = holder.heldBytes
    if (bytes === before) return
    holder.heldBytes = bytes
    this.#bytes += bytes - before
    if (before === 0) this.#holders++
    else if (bytes === 0) this.#holders--
  }

  /** Counts the TLS handshakes and PROXY headers under way. */
  changeHandshakes(by: 1 | -1): void {
    this.#handshakes += by
    this.#bytes += by * HANDSHAKE_BYTES
  }

  /** True near the limit for a connection that holds more than the others on average: reading from it must pause. */
  isOverShare(holder: Holder): boolean {
    return this.#bytes > this.#nearBytes && holder.heldBytes * this.#holders > this.#nearBytes
  }

  /** If the limit is exceeded, terminates the connections that hold the most until enough is free. */
  enforce(): void {
    if (this.#bytes > this.limitBytes) this.#relieve()
  }

  #relieve(): void {
    for (const holders of this.#lists) for (const holder of holders) holder.countHeld()
    const { bytes: heldBytes, limitBytes } = this
    if (heldBytes <= limitBytes) return
    this.#overloadedUntilMs = this.#now() + OVERLOAD_MS
    let terminated = 0
    // Half of the largest amount at a time: a few passes, where sorting would take as long as all of them.
    for (let largest = this.#largest(); largest > 0 && this.#bytes > this.#nearBytes; largest = this.#largest()) {
      for (const holders of this.#lists) {
        for (const holder of holders) {
          if (holder.heldBytes <= largest / 2 || this.#bytes <= this.#nearBytes) continue
          holder.terminate('slow_reader')
          this.count(holder, 0)
          terminated++
        }
      }
    }
    this.#relieved({ heldBytes, limitBytes, terminated })
  }

  #largest(): number {
    let largest = 0
    for (const holders of this.#lists) for (const { heldBytes } of holders) largest = Math.max(largest, heldBytes)
    return largest
  }
}

/**
 * @param setting 0 = no limit; null = the automatic one
 * @param constrainedBytes the memory limit of the container; 0 or more than the machine has where there is none
 */
export function bufferLimit(
  setting: number | null,
  constrainedBytes = process.constrainedMemory(),
  machineBytes = totalmem(),
): number {
  if (setting !== null) return setting || Number.POSITIVE_INFINITY
  return constrainedBytes > 0 && constrainedBytes < machineBytes ? Math.floor(constrainedBytes / 4) : UNCONSTRAINED_BYTES
}
