import type { Figures } from '../../../report/results.ts'
import type { Check } from '../check.ts'
import { withFigures } from '../check-failure.ts'

const CONNECTIONS = 50

/** The kernel retransmits a lost SYN after 1 s: a connection that took this long probably lost one. */
const SLOW_MS = 950

/**
 * Many connections work at the same time. Each step may use the whole time limit of the check, because some of many SYNs may be lost and
 * retransmitted.
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
    refused: ({ connections }) => `Connections beyond ${connections} are refused: a firewall or the server limits connections.`,
    eof: hintForEnd,
    reset: hintForEnd,
    otherwise: hintForEnd,
  },
}

/** @throws the error of the step */
function settledValue<Value>(settled: PromiseSettledResult<Value>): Promise<Value> {
  return settled.status === 'fulfilled' ? Promise.resolve(settled.value) : Promise.reject(settled.reason)
}

function hintForTimeout({ connected, connections = 0 }: Figures): string {
  return Number(connected) < CONNECTIONS
    ? `Only ${connected} of ${CONNECTIONS} connections were established, the other SYNs were not answered: a firewall drops them, or the accept queue of the server stays full.`
    : `All connections were established, but only ${connections} of ${CONNECTIONS} got a reply: a proxy queues connections above its limit, or the server serves only that many at a time.`
}

function hintForEnd({ connections = 0 }: Figures): string {
  return `Only ${connections} of ${CONNECTIONS} connections worked at the same time before one was closed: the server, a proxy or a firewall probably limits connections.`
}
