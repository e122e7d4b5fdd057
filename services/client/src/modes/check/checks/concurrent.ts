import type { Figures } from '../../../report/results.ts'
import type { Check } from '../check.ts'
import { withFigures } from '../check-failure.ts'

const CONNECTIONS = 50

/** The kernel sends a lost SYN again after 1 s: a connection that took that long probably lost one. */
const SLOW_MS = 950

/**
 * Many connections are open at once, with exchanges on all of them. Each step may take all the time of the check: where some SYNs of so many are lost,
 * the kernel sends them again.
 */
export const concurrent: Check = {
  async run(context) {
    const timeoutMs = context.limitMs
    const seen = { connected: 0, slowConnects: 0, connections: 0 }
    const figures = (): Figures => ({ ...seen, of: CONNECTIONS })
    const startMs = performance.now()
    const connectAndExchange = async () => {
      const connection = await context.dial({ timeoutMs })
      seen.connected++
      if (performance.now() - startMs > SLOW_MS) seen.slowConnects++
      await connection.opened(timeoutMs)
      await connection.exchange()
      seen.connections++
      return connection
    }
    const all = await Promise.allSettled(Array.from({ length: CONNECTIONS }, connectAndExchange))
    const connections = await withFigures(Promise.all(all.map(settledValue)), figures)
    const slowestMs = Math.max(...(await withFigures(Promise.all(connections.map(connection => connection.exchange())), figures)))
    return { connections: seen.connections, slowConnects: seen.slowConnects, durationMs: performance.now() - startMs, slowestMs }
  },
  hints: {
    timeout: hintForTimeout,
    refused: ({ connections }) => `Connections beyond ${connections} are refused: a firewall or the server limits them.`,
    eof: hintForEnd,
    reset: hintForEnd,
    otherwise: hintForEnd,
  },
}

/** @throws what the step threw */
function settledValue<Value>(settled: PromiseSettledResult<Value>): Promise<Value> {
  return settled.status === 'fulfilled' ? Promise.resolve(settled.value) : Promise.reject(settled.reason)
}

function hintForTimeout({ connected, connections = 0 }: Figures): string {
  return Number(connected) < CONNECTIONS
    ? `${connected} of ${CONNECTIONS} connections were made, the SYNs of the others got no answer: a firewall drops them, or the accept queue of the server stays full.`
    : `Every connection was made, but only ${connections} of ${CONNECTIONS} got a reply: a proxy queues those above its limit, or the server serves only so many at a time.`
}

function hintForEnd({ connections = 0 }: Figures): string {
  return `${connections} of ${CONNECTIONS} connections worked at the same time before one was closed: the server, a proxy or a firewall probably limits connections.`
}
