import type { Amount } from '@nihao/service'

/** Faults that a listener can inject: the `reason` of the metric and the options in the log. */
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
 * The faults of one listener. Each connection has its own random numbers, which depend on the seed and the number of connections before it
 * only: they are the same in every run, whatever other connections do in the meantime.
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

/** Decides which faults one connection gets. */
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

  /** How long the next bytes are held back. */
  delayMs(): number {
    const { delay, jitter } = this.#faults.settings
    if (delay + jitter > 0) this.count('delay')
    return jitter > 0 ? delay + this.#random() * jitter : delay
  }

  /** The reply, or a copy with one bit of its last byte flipped, which is never in the header of a frame with a payload. */
  corrupted(reply: Buffer): Buffer {
    if (reply.length === 0 || !this.#hits('corrupt', this.#faults.settings.corrupt)) return reply
    const copy = Buffer.from(reply)
    copy[copy.length - 1] = (reply.at(-1) ?? 0) ^ (1 << (this.#random() * 8))
    return copy
  }

  /**
   * How many of the next bytes are sent, and how the connection ends behind them, if it does.
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

/** Undefined where no fault is on: connections then have no overhead. */
export function createFaults(settings: FaultSettings): Faults | undefined {
  return Object.keys(describeFaults(settings)).length > 0 ? new Faults(settings) : undefined
}

/** The faults that are on, for the log. */
export function describeFaults({ faultSeed: _, ...settings }: FaultSettings): object {
  const { delay, jitter, throttle, closeAfter, resetAfter, stallAfter, corrupt, refuse } = settings
  const amounts = Object.entries({ closeAfter, resetAfter, stallAfter }).map(([name, { bytes, messages }]) => [
    name,
    Number.isFinite(bytes) ? { bytes } : Number.isFinite(messages) ? { messages } : undefined,
  ])
  const others = Object.entries({ delay, jitter, throttle, corrupt, refuse })
  return Object.fromEntries([...others, ...amounts].filter(([, value]) => value))
}

/** Numbers from 0 to below 1: a counter, its 32 bits mixed until each depends on all (the finalizer of MurmurHash3). */
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
