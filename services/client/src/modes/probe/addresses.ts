import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@nihao/service'

/** The errors of a look-up that mean that the name has no address. Any other error is one of the resolver. */
const NO_ADDRESSES = ['ENOTFOUND', 'EAI_NODATA']

/** An address. Undefined stands for a name without an address: connecting to it then fails with the reason. */
export type Host = string | undefined

export interface AddressEvents {
  found(host: Host): void
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
      const found = await this.#lookUp()
      if (!signal.aborted) this.#become(found)
      await delay(this.#intervalMs, undefined, { signal }).catch(() => {})
    }
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

  #become(hosts: ReadonlySet<Host>): void {
    const found = [...hosts].filter(host => !this.#known.has(host))
    const gone = [...this.#known].filter(host => !hosts.has(host))
    this.#known = new Set(hosts)
    for (const host of found) this.#events.found(host)
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
