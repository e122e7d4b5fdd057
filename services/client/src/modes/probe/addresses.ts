import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@nihao/service'

/** The errors of a look-up that mean that the name has no address. Any other error is one of the resolver. */
const NO_ADDRESSES = ['ENOTFOUND', 'EAI_NODATA']

/** Caches of name servers keep an address for a while after its server has stopped: by default, a minute. */
const LEFT_INTERVALS = 6

/** An address. Undefined stands for a name without an address: connecting to it then fails with the reason. */
export type Host = string | undefined

export interface AddressEvents {
  /** @param first whether the first look-up found it */
  found(host: Host, first: boolean): void
  gone(host: Host): void
}

export interface AddressesOptions {
  readonly name: string
  /** Of the addresses to use; 0 = both. */
  readonly family: 0 | 4 | 6
  readonly intervalMs: number
  /** Chooses the addresses to use. */
  readonly choose: (addresses: readonly string[]) => readonly string[]
  readonly events: AddressEvents
  readonly logger: Logger
  /** By default, the system's resolver (DNS and /etc/hosts). */
  readonly lookUp?: (name: string, family: 0 | 4 | 6) => Promise<readonly Pick<LookupAddress, 'address'>[]>
}

/** Follows the addresses of a host name. */
export class Addresses {
  readonly #options: AddressesOptions
  readonly #stopping = new AbortController()
  /** What the last look-up found, and was not given up since. */
  #named: ReadonlySet<Host> = new Set()
  /** The addresses in use. */
  #known: ReadonlySet<Host> = new Set()
  /** Addresses that were given up, and until when they are not used again. */
  readonly #left = new Map<Host, number>()
  /** Ends the wait for the next look-up. */
  #wake = new AbortController()
  #first = true
  #failing = false

  constructor(options: AddressesOptions) {
    this.#options = options
  }

  /** True if the name has an address that could be used instead of one in use. */
  get spare(): boolean {
    return this.#usable().size > this.#known.size
  }

  /** Resolves when it is stopped. */
  async follow(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#wake = new AbortController()
      this.#named = await this.#lookUp()
      this.chooseAgain()
      const woken = AbortSignal.any([signal, this.#wake.signal])
      await delay(this.#options.intervalMs, undefined, { signal: woken }).catch(() => {})
    }
  }

  /** Looks the name up now, not at the end of the interval. */
  lookUpNow(): void {
    this.#wake.abort()
  }

  /** Gives an address up until a look-up no longer finds it, or for six intervals. */
  leave(host: Host): void {
    this.#left.set(host, performance.now() + LEFT_INTERVALS * this.#options.intervalMs)
    this.#named = new Set([...this.#named].filter(named => named !== host))
    this.chooseAgain()
  }

  /** Chooses among the addresses of the last look-up. */
  chooseAgain(): void {
    if (this.#stopping.signal.aborted) return
    const usable = [...this.#usable()]
    const addresses = usable.filter(host => host !== undefined)
    this.#become(new Set(addresses.length === 0 ? usable : this.#options.choose(addresses)))
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** An error of the resolver removes no address. */
  async #lookUp(): Promise<ReadonlySet<Host>> {
    const { name, family, lookUp = systemLookUp, logger } = this.#options
    try {
      const addresses = await lookUp(name, family)
      this.#failing = false
      const named = new Set(addresses.map(({ address }) => address))
      for (const host of this.#left.keys()) if (!named.has(host ?? '')) this.#left.delete(host)
      return named
    } catch (error) {
      if (!this.#failing) logger.warn({ error, addresses: count(this.#known) }, 'name look-up failed')
      this.#failing = true
      const none = NO_ADDRESSES.includes((error as NodeJS.ErrnoException).code ?? '')
      return none || this.#named.size === 0 ? new Set([undefined]) : this.#named
    }
  }

  /** The addresses that were not given up, unless there is no other. */
  #usable(): ReadonlySet<Host> {
    const nowMs = performance.now()
    for (const [host, untilMs] of this.#left) if (untilMs <= nowMs) this.#left.delete(host)
    const others = new Set([...this.#named].filter(host => !this.#left.has(host)))
    return others.size === 0 ? this.#named : others
  }

  #become(hosts: ReadonlySet<Host>): void {
    const { events, logger } = this.#options
    const found = [...hosts].filter(host => !this.#known.has(host))
    const gone = [...this.#known].filter(host => !hosts.has(host))
    const first = this.#first
    this.#first = false
    this.#known = hosts
    for (const host of found) events.found(host, first)
    for (const host of gone) events.gone(host)
    const [foundAddresses, goneAddresses] = [found, gone].map(hosts => hosts.filter(host => host !== undefined))
    if (found.length + gone.length === 0) return
    const [addresses, of] = [count(hosts), count(this.#named)]
    logger.info({ found: foundAddresses, gone: goneAddresses, addresses, ...(of > addresses && { of }) }, 'addresses changed')
  }
}

const systemLookUp = (name: string, family: 0 | 4 | 6) => lookup(name, { all: true, family })

const count = (hosts: ReadonlySet<Host>) => [...hosts].filter(host => host !== undefined).length
