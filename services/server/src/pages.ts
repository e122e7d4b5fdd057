import { describePeer } from './connection/peer.ts'
import { finite } from './hello.ts'
import type { Server } from './server.ts'

/** The open connections, for the admin endpoint. */
export function describeConnections({ listeners }: Server): object {
  const nowMs = performance.now()
  return {
    listeners: listeners.map(({ label, address, active, limit }) => ({ listener: label, address, active, limit: finite(limit) })),
    connections: listeners.flatMap(({ label, connections }) =>
      connections.map(({ peer, openedAtMs, receivedBytes, sentBytes, bufferedBytes, messages }) => ({
        listener: label,
        ...describePeer(peer),
        ageMs: Math.round(nowMs - openedAtMs),
        receivedBytes,
        sentBytes,
        bufferedBytes,
        messages,
      })),
    ),
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
