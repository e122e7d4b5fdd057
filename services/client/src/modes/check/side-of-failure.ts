import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from '../../connect/connection.ts'
import { attribute } from '../../outages/attribute.ts'
import { settledEnd } from '../../outages/end-at-server.ts'
import type { Attribution } from '../../outages/evidence.ts'
import type { Facts, Recovery } from '../../outages/facts.ts'
import type { CheckFailure } from './check-failure.ts'
import type { CheckTarget } from './check-target.ts'

/** How long to ask the server how a connection ended there. */
const ASK_MS = 2_000

/** Names the side of a failed check. Where the server identifies connections, it is asked over another one. */
export async function sideOfFailure({ facts, reason }: CheckFailure, target: CheckTarget): Promise<Attribution> {
  if (facts === undefined) return attribute({ reason })
  return attribute(await facts.observations(undefined, await recovery(facts, target)))
}

async function recovery(facts: Facts, { connector, values }: CheckTarget): Promise<Recovery | undefined> {
  const { brokenId } = facts
  if (brokenId === undefined) return undefined
  const limit = new AbortController()
  const startMs = performance.now()
  const connection = await connector.connect({ answered() {}, closed() {} }, limit.signal, {
    timeoutMs: Math.min(ASK_MS, values.timeout),
    handshakeDone: address => facts.handshakeDone(startMs, performance.now(), address),
  })
  if (!(connection instanceof Connection)) return undefined
  const atMs = performance.now()
  const answer = settledEnd(connection.askLast(brokenId.boot, brokenId.connection), connection, brokenId, limit.signal)
  const ended = await Promise.race([
    answer,
    delay(ASK_MS, undefined, { signal: limit.signal, ref: false }).catch(() => undefined),
  ])
  limit.abort()
  connection.destroy()
  return { connection, atMs, ended }
}
