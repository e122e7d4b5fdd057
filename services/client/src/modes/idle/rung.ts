import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from '../../connect/connection.ts'
import type { Failure, FailureReason } from '../../failure.ts'
import type { ConnectionOwner, Target } from '../../target.ts'

/** What became of one connection: `silentMs` is how long nothing was said on it before that. */
export type Fate =
  | { readonly outcome: 'survived'; readonly silentMs: number }
  | { readonly outcome: 'died'; readonly silentMs: number; readonly noticed: Noticed; readonly failure: Failure }
  /** There was no connection over which an exchange went well before the silence: nothing is known of the timeout. */
  | { readonly outcome: 'unusable'; readonly failure: Failure }
  /** The client was told to stop. `silentMs` is 0 where the silence had not begun. */
  | { readonly outcome: 'unfinished'; readonly silentMs: number }

/** When a death came to light: while the connection was silent, or only when it was used again. */
export type Noticed = 'silence' | 'exchange'

/** How a connection died, in words of TCP. */
export function describeDeath(reason: FailureReason): string {
  return { eof: 'FIN', reset: 'RST', timeout: 'silence' }[reason as string] ?? reason
}

/** One step of a ladder: one exchange, silence, one exchange again, all on one connection. */
export class Rung implements ConnectionOwner {
  readonly silenceMs: number
  /** Known as soon as it is over. */
  fate: Fate | undefined
  /** What the server said when it asked for the connection to be left. */
  goAwayReason: string | undefined
  readonly #target: Target
  readonly #keepAliveMs: number
  readonly #closed = Promise.withResolvers<Failure | undefined>()
  #answered = Promise.withResolvers<undefined>()

  /** @param keepAliveMs time without traffic after which the kernel sends keep-alive probes; 0 = it sends none */
  constructor(target: Target, silenceMs: number, keepAliveMs: number) {
    this.#target = target
    this.silenceMs = silenceMs
    this.#keepAliveMs = keepAliveMs
  }

  /** Resolves when the fate is known and the connection closed; soon after the signal at the latest. */
  async climb(signal: AbortSignal): Promise<void> {
    const connection = await this.#target.connect(this, signal, { keepAliveMs: this.#keepAliveMs })
    if (connection instanceof Connection) {
      this.fate = await this.#watch(connection, signal)
      if (this.fate.outcome === 'survived' || this.fate.outcome === 'unfinished') connection.finish(this.#target.values.timeout)
      await this.#closed.promise
    } else if (signal.aborted) {
      this.fate = { outcome: 'unfinished', silentMs: 0 }
    } else {
      this.#target.failed(connection.reason)
      this.fate = { outcome: 'unusable', failure: connection }
    }
  }

  answered(): void {
    this.#answered.resolve(undefined)
  }

  closed(_: Connection, failure: Failure | undefined): void {
    this.#closed.resolve(failure)
  }

  goAway(_: Connection, reason: string): void {
    this.goAwayReason = reason
  }

  async #watch(connection: Connection, signal: AbortSignal): Promise<Fate> {
    const early = await this.#exchange(connection)
    if (early !== undefined) return { outcome: 'unusable', failure: early }

    const quietMs = performance.now()
    const over = delay(this.silenceMs, undefined, { signal }).catch(() => undefined)
    const broken = await Promise.race([over, this.#closed.promise])
    const silentMs = performance.now() - quietMs
    if (broken !== undefined) return { outcome: 'died', silentMs, noticed: 'silence', failure: broken }
    if (signal.aborted) return { outcome: 'unfinished', silentMs }

    const late = await this.#exchange(connection)
    return late === undefined
      ? { outcome: 'survived', silentMs }
      : { outcome: 'died', silentMs, noticed: 'exchange', failure: late }
  }

  /** Resolves with what went wrong. */
  #exchange(connection: Connection): Promise<Failure | undefined> {
    this.#answered = Promise.withResolvers()
    connection.send(this.#target.newExchange(performance.now()))
    return Promise.race([this.#answered.promise, this.#closed.promise])
  }
}
