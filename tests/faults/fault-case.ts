import type { Laboratory, ProtocolName } from './laboratory.ts'
import type { Link } from './network.ts'

/** Where a failure was, as the design defines it. */
export type Side = 'client' | 'name_service' | 'path' | 'server' | 'unknown'

/** What a break of a connection counts as. */
export type Kind = 'none' | 'reconnect' | 'outage'

/**
 * Whose measure of the fault's length the client's is compared with: the witness, whose new connections meet the same fault; the
 * laboratory's own clock, where they don't; none, where the length depends on the client's timeout or on chance.
 */
export type Clock = 'witness' | 'laboratory' | 'none'

/** What the client is expected to say. */
export interface Expectation {
  readonly kinds: readonly Kind[]
  /** The right sides; `unknown` is always allowed, any other side is wrong. */
  readonly sides: readonly Side[]
  readonly clock: Clock
}

/** One fault: how to set it up, cause it and end it. */
export interface FaultCase extends Expectation {
  readonly name: string
  /** Where the other protocols' expectation does not hold. */
  readonly only?: { readonly [Name in ProtocolName]?: Partial<Expectation> }
  readonly link?: Link
  /** The host of the target; default: the server's address. */
  readonly host?: string
  /** Options of the target's URL, such as `?size=4KiB`. */
  readonly options?: string
  readonly clientEnv?: Readonly<Record<string, string>>
  readonly serverEnv?: Readonly<Record<string, string>>
  /** Runs before the server and the client start. */
  readonly prepare?: (lab: Laboratory) => Promise<unknown>
  /** The server is started by `heal`. */
  readonly withoutServer?: true
  readonly inject: (lab: Laboratory) => unknown
  /** How long the fault lasts before `heal`. */
  readonly holdMs?: number
  readonly heal?: (lab: Laboratory) => unknown
}
