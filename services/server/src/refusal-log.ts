import { FloodLog, type Logger } from '@nihao/service'
import type { ProxyRefusal } from './admission.ts'
import type { Peer } from './connection.ts'
import type { Listener } from './listener.ts'
import type { RejectReason } from './reasons.ts'

interface Refusal {
  readonly listener: string
  readonly remoteAddress: string | undefined
  readonly reason: RejectReason
  /** What was wrong with a PROXY header. */
  readonly detail: ProxyRefusal | undefined
}

/** Tells of refused connections: of the first at once, of a flood as a sum every ten seconds. */
export class RefusalLog {
  readonly #log: FloodLog<Refusal>

  constructor(logger: Logger) {
    this.#log = new FloodLog({
      singles: 1,
      windowMs: 10_000,
      log: refusal => logger.warn(refusal, 'connection refused'),
      logSummary: ({ listener, reason }, connections, windowMs) =>
        logger.warn({ listener, reason, connections, windowMs }, 'connections refused'),
    })
  }

  readonly add = (
    { label: listener }: Listener,
    { address: remoteAddress }: Peer,
    reason: RejectReason,
    detail: ProxyRefusal | undefined,
  ): void => {
    this.#log.add(`${listener} ${reason}`, { listener, remoteAddress, reason, detail })
  }
}
