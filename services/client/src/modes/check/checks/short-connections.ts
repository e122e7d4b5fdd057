import type { Check } from '../check.ts'
import { withFigures } from '../check-failure.ts'

const MAX_CONNECTIONS = 100
const MIN_CONNECTIONS = 10

/** Connections made one after the other, with one exchange each, all work: 10 to 100, as many as fit into half of the time limit. */
export const shortConnections: Check = {
  async run(context) {
    const { timeout, checkTimeout } = context.values
    const startMs = performance.now()
    const inTime = () => performance.now() - startMs < checkTimeout / 2
    let connections = 0
    let slowestMs = 0
    const connectAndExchange = async () => {
      const beganMs = performance.now()
      const connection = await context.connect()
      await connection.exchange(timeout)
      slowestMs = Math.max(slowestMs, performance.now() - beganMs)
      await connection.close()
    }
    while (connections < MIN_CONNECTIONS || (connections < MAX_CONNECTIONS && inTime())) {
      await withFigures(connectAndExchange(), () => ({ connections }))
      connections++
    }
    return { connections, slowestMs }
  },
  hints: {
    timeout: 'Packets are lost (a lost SYN costs at least 1 s), or one of several servers behind the address hangs.',
    refused: 'One of several servers behind the address is down, or the rate of new connections is limited.',
    otherwise: 'One of several servers behind the address fails, or the rate of new connections is limited.',
  },
}
