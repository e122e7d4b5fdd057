import { once } from 'node:events'
import { Connection } from '../../connect/connection.ts'
import { attribute } from '../../outages/attribute.ts'
import { settledEnd } from '../../outages/end-at-server.ts'
import type { Attribution } from '../../outages/evidence.ts'
import type { Facts, Recovery } from '../../outages/facts.ts'
import type { CheckFailure } from './check-failure.ts'
import type { CheckTarget } from './check-target.ts'

/** How long to ask the server at least how a connection ended there. */
const MIN_ASK_MS = 2_000

/** Names the side of a failed check. Where the server identifies connections, it is asked over another one, until the signal. */
export async function sideOfFailure(failed: CheckFailure, target: CheckTarget, signal: AbortSignal): Promise<Attribution> {
  const { facts, reason } = failed
  if (facts === undefined) return attribute({ reason })
  return attribute(await facts.observations(undefined, await recovery(facts, target, signal)))
}

async function recovery(facts: Facts, { connector, values }: CheckTarget, signal: AbortSignal): Promise<Recovery | undefined> {
  const { brokenId } = facts
  if (brokenId === undefined) return undefined
  const askMs = Math.max(MIN_ASK_MS, values.timeout)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(askMs)])
  const startMs = performance.now()
  const handshakeDone = (address: string) => facts.handshakeDone(startMs, performance.now(), address)
  const options = { timeoutMs: askMs, handshakeDone }
  const connection = await connector.connect({ answered() {}, closed() {} }, limit, options)
  if (!(connection instanceof Connection)) return undefined
  const atMs = performance.now()
  const answer = settledEnd(connection.askLast(brokenId.boot, brokenId.connection), connection, brokenId, limit)
  const late = limit.aborted ? undefined : once(limit, 'abort').then(() => undefined)
  const ended = await Promise.race([answer, late])
  connection.destroy()
  return { connection, atMs, ended }
}
