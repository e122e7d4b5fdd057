import { readFile } from 'node:fs/promises'
import { setImmediate as afterPoll, setTimeout as delay } from 'node:timers/promises'
import { addRows, endOf, type KernelSocket, parseRow } from './kernel-table.ts'

/** The addresses that identify a connection. */
export interface SocketAddresses {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** Minimum time between two reads: a thousand connections that time out together share one read. */
const MIN_INTERVAL_MS = 100

/** Callers that share a read continue this many at a time: a thousand that close their connections then would block the event loop. */
const CALLERS_PER_TURN = 25

/** Reads the kernel's table of TCP connections in this network namespace (in a container, its own). */
export class KernelSockets {
  readonly #folder: string
  #lastReadMs = Number.NEGATIVE_INFINITY
  #next: Promise<Map<string, string>> | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #callersLeft = CALLERS_PER_TURN

  /** @param folder contains `tcp` and `tcp6` */
  constructor(folder = '/proc/net') {
    this.#folder = folder
  }

  /** Returns the current row of a connection; undefined if the kernel has none or the platform has no such table. */
  async find(socket: SocketAddresses): Promise<KernelSocket | undefined> {
    const key = keyOf(socket)
    if (key === undefined) return undefined
    const rows = await this.rows()
    await this.#nextTurn()
    return parseRow(rows.get(key))
  }

  /** Returns all rows by "local remote", from a read that starts after this call. */
  rows(): Promise<Map<string, string>> {
    this.#next ??= this.#read()
    return this.#next
  }

  #nextTurn(): Promise<unknown> {
    if (this.#callersLeft === 0) {
      this.#turn = this.#turn.then(() => afterPoll())
      this.#callersLeft = CALLERS_PER_TURN
    }
    this.#callersLeft--
    return this.#turn
  }

  async #read(): Promise<Map<string, string>> {
    await delay(Math.max(0, this.#lastReadMs + MIN_INTERVAL_MS - performance.now()))
    // From here on, a new caller needs a new read: this one may already have passed its row.
    this.#next = undefined
    this.#lastReadMs = performance.now()
    const files = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`${this.#folder}/${name}`, 'latin1').catch(() => '')))
    const rows = new Map<string, string>()
    for (const file of files) addRows(rows, file)
    return rows
  }
}

function keyOf({ localAddress, localPort, remoteAddress, remotePort }: SocketAddresses): string | undefined {
  const local = endOf(localAddress, localPort)
  const remote = endOf(remoteAddress, remotePort)
  return local === undefined || remote === undefined ? undefined : `${local} ${remote}`
}
