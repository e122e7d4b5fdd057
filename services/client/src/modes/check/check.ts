import type { ProtocolName } from '@nihao/wire'
import type { FailureReason } from '../../failure.ts'
import type { Figures } from '../../report/results.ts'
import type { CheckValues } from '../../settings.ts'
import type { CheckContext } from './check-context.ts'

/** What a failure probably means; a function where that depends on what was observed. */
export type Hint = string | ((figures: Figures) => string)

/** One check of a path. */
export interface Check {
  /** Why this check makes no sense for a protocol; undefined where it does. */
  readonly skipReason?: (protocol: ProtocolName) => string | undefined
  /** The time that it may take, ms; by default the check timeout. */
  readonly limitMs?: (values: CheckValues) => number
  /** @returns what was observed @throws {CheckFailure} */
  readonly run: (context: CheckContext) => Promise<Figures>
  /** What a failure probably means, by its reason. */
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

/** Hints that hold for every check. */
const HINTS: Readonly<Partial<Record<FailureReason, string>>> = {
  dns: 'The name does not exist, or the resolver of this machine is wrong or unreachable.',
  refused: 'Nothing listens on this address and port, or a firewall rejects the connection.',
  unreachable: 'There is no route to this address, or a firewall rejects the connection with ICMP.',
  rejected: 'The server rejects the connection because of a limit of its own.',
  no_ports: 'No local port is left for connections to this address.',
  no_files: 'This process has reached its limit of open files (ulimit -n).',
}

export function hintFor({ hints }: Check, reason: FailureReason, figures: Figures): string {
  const hint = hints[reason] ?? HINTS[reason] ?? hints.otherwise
  return typeof hint === 'string' ? hint : hint(figures)
}
