import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@nihao/service'

/** The errors of a look-up that mean that the name has no address. Any other error is one of the resolver. */
const NO_ADDRESSES = ['ENOTFOUND', 'EAI_NODATA']

/** An address. Undefined stands for a name without an address: connecting to it then fails with the reason. */
export type Host = string | undefined

export interface AddressEvents {
  /** @param first whether the first look-up found it */
  found(host: Host, first: boolean): void
  gone(host: Host): void
}

/** Follows the addresses of a host name, IPv4 and IPv6, as the system's resolver returns them (DNS and /etc/hosts). */
export class Addresses {
  readonly #name: string
  readonly #intervalMs: number
  readonly #events: AddressEvents
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #known = new Set<Host>()
  /** Addresses that were given up, and until when they are not used again. */
  readonly #left = new Map<Host, number>()
  /** Ends the wait for the next look-up. */
  #wake = new AbortController()
  #first = true
  #failing = false

  constructor(name: string, intervalMs: number, events: AddressEvents, logger: Logger) {
    this.#name = name
    this.#intervalMs = intervalMs
    this.#events = events
    this.#logger = logger
  }

  /** Resolves when it is stopped. */
  async follow(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const found = await this.#lookUp()
      if (!signal.aborted) this.#become(this.#withoutLeft(found))
      const woken = AbortSignal.any([signal, this.#wake.signal])
      await delay(this.#intervalMs, undefined, { signal: woken }).catch(() => {})
    }
  }

  /** Looks the name up now, not at the end of the interval. */
  lookUpNow(): void {
    this.#wake.abort()
  }

  /** Gives an address up; it counts as new when a look-up finds it after an interval. */
  leave(host: Host): void {
    this.#left.set(host, performance.now() + this.#intervalMs)
    this.#become(new Set([...this.#known].filter(known => known !== host)))
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** An error of the resolver removes no address. */
  async #lookUp(): Promise<ReadonlySet<Host>> {
    try {
      const addresses: LookupAddress[] = await lookup(this.#name, { all: true })
      this.#failing = false
      return new Set(addresses.map(({ address }) => address))
    } catch (error) {
      if (!this.#failing) this.#logger.warn({ error, addresses: this.#addresses() }, 'name look-up failed')
      this.#failing = true
      const none = NO_ADDRESSES.includes((error as NodeJS.ErrnoException).code ?? '')
      return none || this.#known.size === 0 ? new Set([undefined]) : this.#known
    }
  }

  #withoutLeft(found: ReadonlySet<Host>): ReadonlySet<Host> {
    const nowMs = performance.now()
    for (const [host, untilMs] of this.#left) if (untilMs <= nowMs) this.#left.delete(host)
    const others = new Set([...found].filter(host => !this.#left.has(host)))
    return others.size === 0 ? found : others
  }

  #become(hosts: ReadonlySet<Host>): void {
    const found = [...hosts].filter(host => !this.#known.has(host))
    const gone = [...this.#known].filter(host => !hosts.has(host))
    const first = this.#first
    this.#first = false
    this.#known = new Set(hosts)
    for (const host of found) this.#events.found(host, first)
    for (const host of gone) this.#events.gone(host)
    const [foundAddresses, goneAddresses] = [found, gone].map(hosts => hosts.filter(host => host !== undefined))
    if (found.length + gone.length > 0) {
      this.#logger.info({ found: foundAddresses, gone: goneAddresses, addresses: this.#addresses() }, 'addresses changed')
    }
  }

  #addresses(): number {
    return [...this.#known].filter(host => host !== undefined).length
  }
}
