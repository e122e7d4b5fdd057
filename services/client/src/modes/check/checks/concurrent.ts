import type { Check } from '../check.ts'
import { withFigures } from '../check-failure.ts'

const CONNECTIONS = 50

/** Many connections are open at once, and there are exchanges on all of them. */
export const concurrent: Check = {
  async run(scene) {
    let connections = 0
    const connect = async () => {
      const conversation = await scene.converse()
      await conversation.exchange(scene.values.timeout)
      connections++
      return conversation
    }
    const startMs = performance.now()
    const all = Promise.all(Array.from({ length: CONNECTIONS }, connect))
    const conversations = await withFigures(all, () => ({ connections, of: CONNECTIONS }))
    const slowestMs = Math.max(...(await Promise.all(conversations.map(conversation => conversation.exchange()))))
    return { connections, durationMs: performance.now() - startMs, slowestMs }
  },
  means: {
    timeout:
      'A limit of connections: a proxy that queues those above its maximum, a server that serves one at a time, a full table.',
    refused: 'A limit of connections: a firewall rejects those above it.',
    otherwise: 'A limit of connections: of the server, of a proxy, of a firewall (connlimit), or of open files.',
  },
}
