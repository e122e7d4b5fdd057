import { type KernelSockets, selectConnections } from '@nihao/service'
import { describePeer } from './connection/peer.ts'
import { finite } from './hello.ts'
import type { Server } from './server.ts'

/** The open connections, for the admin endpoint. */
export async function describeConnections({ listeners }: Server, query: URLSearchParams, kernel: KernelSockets): Promise<object> {
  return {
    listeners: listeners.map(({ label, address, active, limit }) => ({ listener: label, address, active, limit: finite(limit) })),
    ...(await selectConnections(query, {
      by: 'listener',
      groups: listeners.map(({ label, connections }) => ({ label, connections: connections.toArray() })),
      kernel,
      describe: ({ peer, receivedBytes, sentBytes, bufferedBytes, messages }) => ({
        ...describePeer(peer),
        receivedBytes,
        sentBytes,
        bufferedBytes,
        messages,
      }),
    })),
  }
}

/** The totals of each listener, for the last log line. */
export async function describeTotals({ listeners }: Server): Promise<object> {
  const totals = listeners.map(async listener => {
    const { opened, closed, rejected } = listener.counters
    const { bufferedBytes: _, ...ofConnections } = await listener.totals()
    return [listener.label, { opened, ...ofConnections, closed: nonZero(closed), rejected: nonZero(rejected) }]
  })
  return Object.fromEntries(await Promise.all(totals))
}

function nonZero(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
