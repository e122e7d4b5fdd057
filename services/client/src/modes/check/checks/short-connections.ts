import type { Check } from '../check.ts'
import { withFigures } from '../check-failure.ts'

const MAX_CONNECTIONS = 100
const MIN_CONNECTIONS = 10

/** One connection after the other, each with an exchange: as many as fit into half of the time, from 10 to 100. */
export const shortConnections: Check = {
  async run(scene) {
    const { timeout, checkTimeout } = scene.values
    const startMs = performance.now()
    const inTime = () => performance.now() - startMs < checkTimeout / 2
    let connections = 0
    let slowestMs = 0
    const connectAndExchange = async () => {
      const beganMs = performance.now()
      const conversation = await scene.converse()
      await conversation.exchange(timeout)
      slowestMs = Math.max(slowestMs, performance.now() - beganMs)
      await conversation.leave()
    }
    while (connections < MIN_CONNECTIONS || (connections < MAX_CONNECTIONS && inTime())) {
      await withFigures(connectAndExchange(), () => ({ connections }))
      connections++
    }
    return { connections, slowestMs }
  },
  means: {
    timeout:
      'SYNs are lost now and then (a full listen queue or conntrack table, a rate limit), or one of several servers hangs.',
    refused: 'One of several servers behind the address is down, or a rate limit rejects.',
    otherwise: 'One of several servers behind the address fails, or there is a limit on the rate of new connections.',
  },
}
