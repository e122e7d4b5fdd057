import { Schedule } from '../../schedule.ts'
import type { ProbeValues } from '../../settings.ts'
import type { Target } from '../../target.ts'
import type { Host } from './addresses.ts'
import { FreshConnections } from './fresh-connections.ts'
import { Session } from './session.ts'
import type { SessionLog } from './session-log.ts'

/** Probes a target, or one of its addresses: sessions and fresh connections on a schedule. */
export class TargetProber {
  readonly #target: Target<ProbeValues>
  readonly #log: SessionLog
  readonly #schedules: Schedule[] = []
  readonly #stops: (() => Promise<void>)[] = []

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(target: Target<ProbeValues>, log: SessionLog, host: Host) {
    this.#target = target
    this.#log = log
    const { connections, fresh } = target.values
    if (connections > 0) this.#startSessions(connections, host)
    if (fresh) this.#startFresh(host)
  }

  /** Starts nothing more, and resolves when everything that was started is over. */
  async stop(): Promise<void> {
    for (const schedule of this.#schedules) schedule.stop()
    await Promise.all(this.#stops.map(stop => stop()))
  }

  /** The sessions take turns, so that their exchanges are spread over the interval. */
  #startSessions(connections: number, host: Host): void {
    const sessions = Array.from({ length: connections }, () => new Session(this.#target, this.#log, host))
    this.#schedule(connections, (intendedMs, index) => sessions[index % connections]?.exchange(intendedMs))
    for (const session of sessions) {
      const ended = session.run()
      this.#stops.push(() => {
        session.stop()
        return ended
      })
    }
  }

  #startFresh(host: Host): void {
    const freshConnections = new FreshConnections(this.#target, this.#log, host)
    this.#schedule(1, intendedMs => freshConnections.exchange(intendedMs))
    this.#stops.push(() => freshConnections.stop())
  }

  #schedule(perInterval: number, tick: (intendedMs: number, index: number) => void): void {
    const { interval, timeout } = this.#target.values
    const message = 'exchanges skipped: the client is too slow'
    const schedule = new Schedule({
      intervalMs: interval / perInterval,
      tooLateMs: timeout,
      tick,
      skipped: exchanges => this.#log.add({ level: 'warn', message, messageOfMany: message, kind: {}, counts: { exchanges } }),
    })
    schedule.start()
    this.#schedules.push(schedule)
  }
}
