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
      groups: listeners,
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
export function describeTotals({ listeners }: Server): object {
  return Object.fromEntries(
    listeners.map(listener => {
      const { opened, closed, rejected } = listener.counters
      return [listener.label, { opened, ...listener.totals(), closed: nonZero(closed), rejected: nonZero(rejected) }]
    }),
  )
}

function nonZero(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}
