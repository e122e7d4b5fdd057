import { boolean, integer, oneOf, optional } from './formats.ts'
import { inSlices, SLICE } from './in-slices.ts'
import type { KernelSockets, SocketAddresses } from './kernel-sockets.ts'
import { readQuery } from './page-query.ts'

/** A connection, as `/connections` sorts it. */
interface Listed {
  /** Monotonic clock. */
  readonly openedAtMs: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly bufferedBytes: number
  readonly addresses: SocketAddresses
}

export interface ConnectionsPage<Connection extends Listed> {
  /** The parameter that selects connections by the label of what they belong to, which is also its name in each row. */
  readonly by: 'listener' | 'target'
  readonly groups: readonly { readonly label: string; readonly connections: Iterable<Connection> }[]
  readonly kernel: KernelSockets
  readonly describe: (connection: Connection) => object
}

/** The largest come first. */
const SORT_KEYS: Readonly<Record<'age' | 'bytes' | 'buffered', (connection: Listed) => number>> = {
  age: ({ openedAtMs }) => -openedAtMs,
  bytes: ({ receivedBytes, sentBytes }) => receivedBytes + sentBytes,
  buffered: ({ bufferedBytes }) => bufferedBytes,
}

const PARAMETERS = {
  kernel: { format: boolean, default: 'false' },
  limit: { format: integer(1, 1_000_000), default: '200' },
  sort: { format: oneOf('age', 'bytes', 'buffered'), default: 'age' },
}

/**
 * The open connections that a query selects.
 * @throws {QueryError}
 */
export async function selectConnections<Connection extends Listed>(
  query: URLSearchParams,
  { by, groups, kernel, describe }: ConnectionsPage<Connection>,
): Promise<{ readonly total: number; readonly connections: readonly object[] }> {
  const labels = optional(oneOf(...groups.map(({ label }) => label)))
  const selection = readQuery(query, { ...PARAMETERS, [by]: { format: labels, default: '' } })
  const { limit, sort, kernel: withKernel } = selection
  const wanted = (selection as Readonly<Record<string, unknown>>)[by]
  const nowMs = performance.now()
  let total = 0
  const selected: { label: string; connection: Connection; key: number }[] = []
  const keepLargest = () => {
    selected.sort((a, b) => b.key - a.key)
    selected.length = Math.min(selected.length, limit)
  }
  for (const { label, connections } of groups) {
    if (wanted !== null && label !== wanted) continue
    await inSlices(Array.from(connections), connection => {
      total++
      selected.push({ label, connection, key: SORT_KEYS[sort](connection) })
      if (selected.length === limit + SLICE) keepLargest()
    })
  }
  keepLargest()
  const rows: Promise<object>[] = []
  const addRow = async (label: string, connection: Connection) => ({
    [by]: label,
    ageMs: Math.round(nowMs - connection.openedAtMs),
    ...describe(connection),
    ...(withKernel && (await kernelFacts(connection.addresses, kernel))),
  })
  await inSlices(selected, ({ label, connection }) => rows.push(addRow(label, connection)))
  return { total, connections: await Promise.all(rows) }
}

/** Null where the kernel has no row for the connection, or the platform no such table. */
async function kernelFacts(addresses: SocketAddresses, kernel: KernelSockets): Promise<object> {
  const row = await kernel.find(addresses)
  return {
    unacknowledgedBytes: row?.unacknowledgedBytes ?? null,
    unreadBytes: row?.unreadBytes ?? null,
    retransmissions: row?.retransmissions ?? null,
    retransmissionTimeoutMs: row?.retransmissionTimeoutMs ?? null,
    congestionWindow: row?.congestionWindow ?? null,
  }
}
