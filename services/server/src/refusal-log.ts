import type { Logger } from '@nihao/service'
import type { ProxyRefusal } from './admission.ts'
import type { Peer } from './connection.ts'
import type { Listener, RejectReason } from './listener.ts'

const WINDOW_MS = 10_000

/** Tells of refused connections: of the first at once, of a flood as a sum every ten seconds. */
export class RefusalLog {
  readonly #logger: Logger
  readonly #untold = new Map<string, number>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  readonly add = (listener: Listener, { address }: Peer, reason: RejectReason, detail?: ProxyRefusal): void => {
    const key = `${listener.label} ${reason}`
    const untold = this.#untold.get(key)
    if (untold !== undefined) {
      this.#untold.set(key, untold + 1)
      return
    }
    this.#logger.warn({ listener: listener.label, remoteAddress: address, reason, detail }, 'connection refused')
    this.#untold.set(key, 0)
    const window = setInterval(() => {
      const connections = this.#untold.get(key) ?? 0
      this.#untold.set(key, 0)
      if (connections > 0) {
        this.#logger.warn({ listener: listener.label, reason, connections, windowMs: WINDOW_MS }, 'connections refused')
        return
      }
      this.#untold.delete(key)
      clearInterval(window)
    }, WINDOW_MS)
    window.unref()
  }
}
