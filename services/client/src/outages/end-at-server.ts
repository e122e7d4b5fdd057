import { setTimeout as delay } from 'node:timers/promises'
import type { EndedConnection } from '@nihao/wire'
import type { Connection } from '../connect/connection.ts'

/** A server may see the end of a connection a little later than the client's next one. */
const ASK_AGAIN_MS = 200

/** The identity of a connection at its server, from HELLO; undefined where the server does not give one. */
export function connectionId(hello: Readonly<Record<string, unknown>> | undefined): ConnectionId | undefined {
  const { boot, connection } = hello ?? {}
  return typeof boot === 'string' && typeof connection === 'number' ? { boot, connection } : undefined
}

export interface ConnectionId {
  readonly boot: string
  readonly connection: number
}

/**
 * Waits for the server's answer how a connection ended there. A connection that the client saw end may still be open there, if the server
 * itself is closing it: the client then asks once more.
 * @param id of the connection that ended, to ask for on `connection`
 */
export async function settledEnd(
  answer: Promise<EndedConnection | undefined> | undefined,
  connection: Pick<Connection, 'askLast'>,
  id: ConnectionId | undefined,
  signal?: AbortSignal,
): Promise<EndedConnection | undefined> {
  const ended = await answer
  if (ended?.state !== 'open' || id === undefined) return ended
  await delay(ASK_AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined)
  return (await connection.askLast(id.boot, id.connection)) ?? ended
}
