import { networkInterfaces } from 'node:os'

export interface OwnAddressesOptions {
  /** Of this client, and of its own server. */
  readonly identity: string
  /** Asks the server at an address for its name; undefined if it does not say. */
  readonly ask: (address: string) => Promise<string | undefined>
  /** An address turned out to be the client's own, or no longer to be. */
  readonly changed: () => void
}

/** The addresses of a name that are the client's own: those of its machine, and those of the server with its identity. */
export class OwnAddresses {
  readonly #options: OwnAddressesOptions
  /** Of the server with the own identity. */
  readonly #server = new Set<string>()
  #lastNamed = ''

  constructor(options: OwnAddressesOptions) {
    this.#options = options
  }

  /** The other ones of these addresses. */
  othersOf(named: readonly string[]): string[] {
    this.#confirm(named)
    const machine = Object.values(networkInterfaces()).flatMap(addresses => addresses?.map(({ address }) => address))
    return named.filter(address => !this.#server.has(address) && !machine.includes(address))
  }

  /** The server at an address said its name. */
  met(address: string, server: string): void {
    if (server !== this.#options.identity || this.#server.has(address)) return
    this.#server.add(address)
    // Not in the middle of an event of the session that this ends.
    queueMicrotask(() => this.#options.changed())
  }

  /** When the addresses change, one of the own server may have become that of another since the last look-up. */
  #confirm(named: readonly string[]): void {
    const all = named.toSorted().join(' ')
    const changed = all !== this.#lastNamed
    this.#lastNamed = all
    for (const address of this.#server) {
      if (!named.includes(address)) this.#server.delete(address)
      else if (changed) void this.#ask(address)
    }
  }

  async #ask(address: string): Promise<void> {
    const server = await this.#options.ask(address)
    if (server === undefined || server === this.#options.identity) return
    if (this.#server.delete(address)) this.#options.changed()
  }
}
