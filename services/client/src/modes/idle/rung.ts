import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from '../../connect/connection.ts'
import type { ConnectionEvents } from '../../connect/connection-events.ts'
import type { Failure, FailureReason } from '../../failure.ts'
import type { Target } from '../../target.ts'

/** The outcome of one connection. `silentMs` is the duration of its silence. */
export type RungResult =
  | { readonly outcome: 'survived'; readonly silentMs: number }
  | { readonly outcome: 'died'; readonly silentMs: number; readonly noticed: Noticed; readonly failure: Failure }
  /** The connection failed before its silence began, which says nothing about an idle timeout. */
  | { readonly outcome: 'unusable'; readonly failure: Failure }
  /** The client was stopped. `silentMs` is 0 if the silence had not begun. */
  | { readonly outcome: 'unfinished'; readonly silentMs: number }

/** When the client detected that a connection had died: during the silence, or only at the exchange after it. */
export type Noticed = 'silence' | 'exchange'

/** How a connection died, in TCP terms. */
export function describeDeath(reason: FailureReason): string {
  return { eof: 'FIN', reset: 'RST', timeout: 'silence' }[reason as string] ?? reason
}

/** One step of a ladder: an exchange, a silence and another exchange on one connection. */
export class Rung implements ConnectionEvents {
  readonly silenceMs: number
  /** Undefined until it is known. */
  result: RungResult | undefined
  /** The reason of the server's GOAWAY. */
  goAwayReason: string | undefined
  readonly #target: Target
  readonly #keepAliveMs: number
  readonly #closed = Promise.withResolvers<Failure | undefined>()
  #answered = Promise.withResolvers<undefined>()

  /** @param keepAliveMs idle time before the kernel sends keep-alive probes; 0 = never */
  constructor(target: Target, silenceMs: number, keepAliveMs: number) {
    this.#target = target
    this.silenceMs = silenceMs
    this.#keepAliveMs = keepAliveMs
  }

  /** Resolves when the result is known and the connection is closed, or soon after the signal. */
  async climb(signal: AbortSignal): Promise<void> {
    const { connector, statistics, values } = this.#target
    const connection = await connector.connect(this, signal, { keepAliveMs: this.#keepAliveMs })
    if (connection instanceof Connection) {
      this.goAwayReason = connection.goAwayReason
      this.result = await this.#watch(connection, signal)
      if (this.result.outcome === 'survived' || this.result.outcome === 'unfinished') connection.finish(values.timeout)
      await this.#closed.promise
    } else if (signal.aborted) {
      this.result = { outcome: 'unfinished', silentMs: 0 }
    } else {
      statistics.exchangeFailed(connection.reason)
      this.result = { outcome: 'unusable', failure: connection }
    }
  }

  answered(): void {
    this.#answered.resolve(undefined)
  }

  closed(_: Connection, failure: Failure | undefined): void {
    this.#closed.resolve(failure)
  }

  goAway(connection: Connection): void {
    this.goAwayReason = connection.goAwayReason
  }

  async #watch(connection: Connection, signal: AbortSignal): Promise<RungResult> {
    const early = await this.#exchange(connection)
    if (early !== undefined) return { outcome: 'unusable', failure: early }

    const quietMs = performance.now()
    const over = delay(this.silenceMs, undefined, { signal }).catch(() => undefined)
    const closed = await Promise.race([over, this.#closed.promise.then(failure => failure ?? { reason: 'eof' as const })])
    const silentMs = performance.now() - quietMs
    if (closed !== undefined) return { outcome: 'died', silentMs, noticed: 'silence', failure: closed }
    if (signal.aborted) return { outcome: 'unfinished', silentMs }

    const late = await this.#exchange(connection)
    return late === undefined
      ? { outcome: 'survived', silentMs }
      : { outcome: 'died', silentMs, noticed: 'exchange', failure: late }
  }

  /** Resolves with the failure, if there is one. */
  #exchange(connection: Connection): Promise<Failure | undefined> {
    this.#answered = Promise.withResolvers()
    connection.send(this.#target.newExchange(performance.now()))
    return Promise.race([this.#answered.promise, this.#closed.promise])
  }
}
