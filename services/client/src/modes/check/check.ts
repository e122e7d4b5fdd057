import type { ProtocolName } from '@nihao/wire'
import type { FailureReason } from '../../failure.ts'
import type { Figures } from '../../report/results.ts'
import type { CheckValues } from '../../settings.ts'
import type { CheckContext } from './check-context.ts'

/** The probable cause of a failure; a function if it depends on the observations. */
export type Hint = string | ((figures: Figures) => string)

/** One check of a path. */
export interface Check {
  /** Why this check does not apply to a protocol; undefined if it does. */
  readonly skipReason?: (protocol: ProtocolName) => string | undefined
  /** Time limit, ms; by default the check timeout. */
  readonly limitMs?: (values: CheckValues) => number
  /** @returns the observations @throws {CheckFailure} */
  readonly run: (context: CheckContext) => Promise<Figures>
  /** The probable cause of a failure, by reason. */
  readonly hints: Readonly<Partial<Record<FailureReason, Hint>>> & { readonly otherwise: Hint }
}

export function limitOf({ limitMs }: Check, values: CheckValues): number {
  return limitMs?.(values) ?? values.checkTimeout
}

/** For checks that compare replies with requests. */
export function needsReplies(protocol: ProtocolName): string | undefined {
  if (protocol === 'discard') return 'a discard server never replies'
  return needsRequests(protocol)
}

/** For checks of requests. */
export function needsRequests(protocol: ProtocolName): string | undefined {
  return protocol === 'chargen' ? 'a chargen server ignores requests' : undefined
}

/** Hints that apply to every check. */
const HINTS: Readonly<Partial<Record<FailureReason, string>>> = {
  dns: 'The name does not exist, or the resolver of this machine is misconfigured or unreachable.',
  refused: 'Nothing listens on this address and port, or a firewall rejects the connection.',
  unreachable: 'No route to this address, or a firewall rejects the connection with ICMP.',
  rejected: 'The server rejects the connection because of one of its limits.',
  no_ports: 'No local port is free for another connection to this address.',
  no_files: 'This process has reached its limit of open files (ulimit -n).',
}

export function hintFor({ hints }: Check, reason: FailureReason, figures: Figures): string {
  const hint = hints[reason] ?? HINTS[reason] ?? hints.otherwise
  return typeof hint === 'string' ? hint : hint(figures)
}
