import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { EventLoopMonitor } from '@nihao/service'
import type { ServerContext } from '@nihao/wire'
import { ConnectionHistory } from './connection/connection-history.ts'
import type { ServerEvents } from './events.ts'
import type { Identity } from './hello.ts'
import { BufferBudget, bufferLimit } from './limits/buffer-budget.ts'
import { createCapacity } from './limits/capacity.ts'
import { AddressSlots, type ProcessLimits } from './limits/slots.ts'
import type { ServerConfig } from './settings.ts'

/** Shared by all listeners of a process. */
export class ProcessContext {
  readonly identity: Identity
  readonly limits: ProcessLimits
  readonly budget: BufferBudget
  readonly history: ConnectionHistory
  readonly eventLoop = new EventLoopMonitor()
  /** Information for codecs. */
  readonly codecs: ServerContext
  #lastConnectionId = 0

  constructor(config: ServerConfig, release: string, events: ServerEvents) {
    const { identity, maxConnections, maxConnectionsPerAddress, maxBufferedTotal } = config
    const boot = randomUUID()
    this.identity = { server: identity || hostname(), release, boot }
    this.limits = { capacity: createCapacity(maxConnections), addresses: new AddressSlots(maxConnectionsPerAddress) }
    this.budget = new BufferBudget(bufferLimit(maxBufferedTotal), relief => events.emit('bufferLimitExceeded', relief))
    this.history = new ConnectionHistory(boot)
    this.codecs = {
      clock: {
        nowUs: () => Math.floor(performance.now() * 1_000),
        stalledUs: () => Math.round(this.eventLoop.recentStallMs * 1_000),
      },
      lookUp: (askedBoot, id) => this.history.lookUp(askedBoot, id),
    }
  }

  nextConnectionId(): number {
    return ++this.#lastConnectionId
  }
}
