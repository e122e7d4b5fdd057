import { readFile } from 'node:fs/promises'
import { KernelListeners } from '@nihao/service'
import { Gauge, type Registry } from 'prom-client'
import { BACKLOG } from './bind.ts'
import type { Listener } from './listener.ts'

/** Registers the accept queues of the listeners. A listener that the kernel does not show, such as a Unix socket, has no series. */
export function registerAcceptQueues(registry: Registry, listeners: readonly Listener[], kernel = new KernelListeners()): void {
  new Gauge({
    name: 'tcp_server_accept_queue',
    help: 'Connections in the kernel that wait to be accepted; with reuse-port, the longest queue of the servers on that port (Linux).',
    labelNames: ['listener'],
    registers: [registry],
    async collect() {
      const lengths = await acceptQueues(listeners, kernel)
      this.reset()
      for (const [listener, length] of lengths) this.set({ listener }, length)
    },
  })
  new Gauge({
    name: 'tcp_server_accept_queue_limit',
    help: 'Connections that may wait to be accepted; further ones are dropped (Linux).',
    labelNames: ['listener'],
    registers: [registry],
    async collect() {
      const [lengths, limit] = await Promise.all([acceptQueues(listeners, kernel), acceptQueueLimit()])
      this.reset()
      for (const listener of lengths.keys()) this.set({ listener }, limit)
    },
  })
}

/** The lengths of the accept queues by the label of their listener. */
async function acceptQueues(listeners: readonly Listener[], kernel: KernelListeners): Promise<ReadonlyMap<string, number>> {
  const bound = listeners.flatMap(({ label, address }) => (typeof address === 'string' ? [] : [{ label, ...address }]))
  const rows = await kernel.find(bound)
  return new Map(
    bound.flatMap(({ label }, index) => {
      const row = rows[index]
      return row === undefined ? [] : [[label, row.unreadBytes]]
    }),
  )
}

async function acceptQueueLimit(): Promise<number> {
  const maximum = Number(await readFile('/proc/sys/net/core/somaxconn', 'latin1').catch(() => BACKLOG))
  return Math.min(BACKLOG, maximum)
}
