import type { ProtocolName } from '@nihao/wire'
import type { FailureReason } from '../failure.ts'
import type { CheckValues } from '../settings.ts'
import type { Figures } from './report.ts'
import type { Scene } from './scene.ts'

/** One question to a path, with what an answer other than "well" usually means. */
export interface Check {
  /** Why this protocol can't be asked that; undefined where it can. */
  readonly unfit?: (protocol: ProtocolName) => string | undefined
  /** The time that it may take, ms; the check timeout where nothing is said. */
  readonly limitMs?: (values: CheckValues) => number
  /** @returns what was seen @throws {CheckFailure} */
  readonly run: (scene: Scene) => Promise<Figures>
  /** What is usually behind a failure, by its reason. */
  readonly means: Readonly<Partial<Record<FailureReason, string>>> & { readonly otherwise: string }
}

export function limitOf({ limitMs }: Check, values: CheckValues): number {
  return limitMs?.(values) ?? values.checkTimeout
}

/** For checks that compare replies with requests. */
export function needsReplies(protocol: ProtocolName): string | undefined {
  if (protocol === 'discard') return 'a discard server never replies'
  return needsListener(protocol)
}

/** For checks of what becomes of requests. */
export function needsListener(protocol: ProtocolName): string | undefined {
  return protocol === 'chargen' ? 'a chargen server sends without end and does not listen' : undefined
}

/** What a reason means, whatever was being checked. */
const MEANS: Partial<Record<FailureReason, string>> = {
  dns: 'The name is wrong, or the resolver of this place does not know it or can not be reached.',
  refused: 'Nobody listens on that address and port, or a firewall rejects.',
  unreachable: 'There is no route to that address, or a firewall rejects with ICMP.',
  rejected: 'The server answers that it will not serve this connection: a limit of its own.',
  no_ports: 'This machine has no free port left for new connections to that address.',
  no_files: 'This process may open no more files: raise its limit (ulimit -n).',
}

export function meaningOf({ means }: Check, reason: FailureReason): string {
  return means[reason] ?? MEANS[reason] ?? means.otherwise
}
