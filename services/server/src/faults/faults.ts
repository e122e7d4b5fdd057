import type { Amount } from '@nihao/service'

/** Faults that a listener can inject, as named by the `reason` label of the metric. */
export const faultKinds = ['delay', 'throttle', 'close_after', 'reset_after', 'stall_after', 'corrupt', 'refuse'] as const
export type FaultKind = (typeof faultKinds)[number]

/** Times in ms, `throttle` in bytes per second, shares from 0 to 1. */
export interface FaultSettings {
  readonly delay: number
  readonly jitter: number
  readonly throttle: number
  readonly closeAfter: Amount
  readonly resetAfter: Amount
  readonly stallAfter: Amount
  readonly corrupt: number
  readonly refuse: number
  readonly faultSeed: number
}

/**
 * The faults of one listener. Each connection has its own random numbers, which depend only on the seed and on the number of earlier
 * connections: they are the same in every run, regardless of concurrent connections.
 */
export class Faults {
  readonly settings: FaultSettings
  /** Injected so far, by kind. */
  readonly injected = Object.fromEntries(faultKinds.map(kind => [kind, 0])) as Record<FaultKind, number>
  #connections = 0

  constructor(settings: FaultSettings) {
    this.settings = settings
  }

  /** The faults of the next connection. */
  next(): ConnectionFaults {
    return new ConnectionFaults(this, randomNumbers(this.settings.faultSeed, this.#connections++))
  }
}

/** Selects the faults of one connection. */
export class ConnectionFaults {
  readonly refused: boolean
  readonly #faults: Faults
  readonly #random: () => number

  constructor(faults: Faults, random: () => number) {
    this.#faults = faults
    this.#random = random
    this.refused = this.#hits('refuse', faults.settings.refuse)
  }

  /** Infinity = not throttled. */
  get bytesPerSecond(): number {
    return this.#faults.settings.throttle || Number.POSITIVE_INFINITY
  }

  /** Returns the delay of the next bytes. */
  delayMs(): number {
    const { delay, jitter } = this.#faults.settings
    if (delay + jitter > 0) this.count('delay')
    return jitter > 0 ? delay + this.#random() * jitter : delay
  }

  /** Returns the reply, or a copy with one bit flipped in its last byte, which is never in the header of a frame with a payload. */
  corrupted(reply: Buffer): Buffer {
    if (reply.length === 0 || !this.#hits('corrupt', this.#faults.settings.corrupt)) return reply
    const copy = Buffer.from(reply)
    copy[copy.length - 1] = (reply.at(-1) ?? 0) ^ (1 << (this.#random() * 8))
    return copy
  }

  /**
   * Returns how many of the next bytes to send, and how to end the connection after them, if a limit is reached.
   * @param messages answered once these bytes are sent
   */
  sendable(sentBytes: number, bytes: number, messages: number): { length: number; end?: EndKind } {
    const { closeAfter, resetAfter, stallAfter } = this.#faults.settings
    const ends = [
      { end: 'close_after', after: closeAfter },
      { end: 'reset_after', after: resetAfter },
      { end: 'stall_after', after: stallAfter },
    ] as const
    const [first] = ends
      .map(({ end, after }) => ({ end, length: messages >= after.messages ? bytes : after.bytes - sentBytes }))
      .filter(({ length }) => length <= bytes)
      .sort((one, other) => one.length - other.length)
    return first ?? { length: bytes }
  }

  count(kind: FaultKind): void {
    this.#faults.injected[kind]++
  }

  #hits(kind: FaultKind, share: number): boolean {
    if (share === 0 || this.#random() >= share) return false
    this.count(kind)
    return true
  }
}

/** Faults that end a connection. */
export type EndKind = 'close_after' | 'reset_after' | 'stall_after'

/** Undefined if no fault is enabled: connections then have no overhead. */
export function createFaults(settings: FaultSettings): Faults | undefined {
  return Object.keys(describeFaults(settings)).length > 0 ? new Faults(settings) : undefined
}

/** The enabled faults, for the log. */
export function describeFaults({ faultSeed: _, ...settings }: FaultSettings): object {
  const { delay, jitter, throttle, closeAfter, resetAfter, stallAfter, corrupt, refuse } = settings
  const amounts = Object.entries({ closeAfter, resetAfter, stallAfter }).map(([name, { bytes, messages }]) => [
    name,
    Number.isFinite(bytes) ? { bytes } : Number.isFinite(messages) ? { messages } : undefined,
  ])
  const others = Object.entries({ delay, jitter, throttle, corrupt, refuse })
  return Object.fromEntries([...others, ...amounts].filter(([, value]) => value))
}

/** Numbers in [0, 1): a counter whose bits are mixed by the finalizer of MurmurHash3. */
function randomNumbers(seed: number, stream: number): () => number {
  let counter = mix(mix(seed) + stream)
  return () => {
    counter = (counter + 0x9e3779b9) | 0
    return mix(counter) / 2 ** 32
  }
}

function mix(value: number): number {
  let bits = value | 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
