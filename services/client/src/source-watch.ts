import type { Logger } from '@nihao/service'
import type { Connection } from './connect/connection.ts'
import { isTranslated, sourceOf } from './connect/source.ts'
import type { TargetCounters } from './counters.ts'

/** Whether the source address of connections should reach the server as it is. */
export type ExpectedSource = 'any' | 'kept' | 'translated'

/** Unexpected sources are logged at most this often. */
const LOG_INTERVAL_MS = 60_000

/** Compares the source addresses of a target's connections with those that its servers see. Counts and logs unexpected ones. */
export class SourceWatch {
  readonly #expected: ExpectedSource
  readonly #counters: TargetCounters
  readonly #logger: Logger
  #lastLocalAddress: string | undefined
  #lastHello: Connection['hello']
  #loggedMs = Number.NEGATIVE_INFINITY

  constructor(expected: ExpectedSource, counters: TargetCounters, logger: Logger) {
    this.#expected = expected
    this.#counters = counters
    this.#logger = logger
  }

  helloReceived(connection: Connection): void {
    this.#lastLocalAddress = connection.localAddress
    this.#lastHello = connection.hello
    if (this.#expected !== 'any') this.#check(connection)
  }

  /** Whether the source address of an open connection is translated, or else of the last one; undefined where no server says. */
  get translated(): boolean | undefined {
    let translated = isTranslated({ localAddress: this.#lastLocalAddress, hello: this.#lastHello })
    for (const connection of this.#counters.connections) {
      const current = isTranslated(connection)
      if (current === true) return true
      translated = current ?? translated
    }
    return translated
  }

  #check(connection: Connection): void {
    const { translated, own, seen } = sourceOf(connection) ?? {}
    if (translated === undefined || translated === (this.#expected === 'translated')) return
    this.#counters.unexpectedSources++
    const nowMs = performance.now()
    if (nowMs - this.#loggedMs < LOG_INTERVAL_MS) return
    this.#loggedMs = nowMs
    const { remoteAddress, hello } = connection
    this.#logger.warn(
      { expected: this.#expected, own, seen, remoteAddress, serverName: hello?.server },
      'unexpected source address',
    )
  }
}
