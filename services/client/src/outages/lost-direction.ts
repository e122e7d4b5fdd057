import type { KernelSocket } from '@nihao/service'
import { type EndedConnection, WrongReply } from '@nihao/wire'
import type { Failure } from '../failure.ts'
import { neverAcknowledged } from './kernel-row.ts'

/** Which way an exchange was lost. */
export const directions = ['to_server', 'from_server', 'unknown'] as const
export type Direction = (typeof directions)[number]

/** What is known of the first exchange that a connection lost. */
export interface LostExchange {
  readonly failure: Failure
  /** Replies that the client got on the connection, and its bytes. */
  readonly answered: number
  readonly receivedBytes: number
  /** The connection's row when the exchange timed out. */
  readonly kernel: KernelSocket | undefined
  /** When the client gave up, on its clock, and when it closed the connection, once it had read the row. */
  readonly lostMs: number
  readonly closedMs: number
  /** When there was another connection, on which the server answered. */
  readonly nextMs: number
  /** How the server says that the connection ended there, and when it said so. */
  readonly ended: EndedConnection | undefined
  readonly toldMs: number
}

/** A server that ran saw the end of the connection, or answered on another one, this soon. */
const PROMPT_MS = 150

/**
 * Names a direction only where the server knows the connection: a request that did not arrive and was not acknowledged was lost on its way there; a
 * reply that was sent and did not arrive, by a server that ran when the client gave up, was lost on its way back.
 */
export function directionOf({ failure, kernel, ended, ...lost }: LostExchange): Direction {
  const { error } = failure
  if (error instanceof WrongReply && error.corrupted !== undefined) return error.corrupted
  if (failure.reason !== 'timeout' || ended?.pings === undefined) return 'unknown'
  if (ended.pings <= lost.answered) return kernel !== undefined && neverAcknowledged(kernel) ? 'to_server' : 'unknown'
  const { sentBytes = 0 } = ended
  return serverRan(ended, lost) && sentBytes > lost.receivedBytes ? 'from_server' : 'unknown'
}

/** A server that stood still until then would have sent the reply too late. */
function serverRan({ state, agoMs }: EndedConnection, lost: Omit<LostExchange, 'failure' | 'kernel' | 'ended'>): boolean {
  if (lost.nextMs - lost.lostMs <= PROMPT_MS) return true
  return state === 'closed' && agoMs !== undefined && Math.abs(lost.toldMs - agoMs - lost.closedMs) <= PROMPT_MS
}
