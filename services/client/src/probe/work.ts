import { Schedule } from '../schedule.ts'
import type { ProbeValues } from '../settings.ts'
import type { Target } from '../target.ts'
import type { Host } from './addresses.ts'
import { FreshConnections } from './fresh.ts'
import { Session } from './session.ts'
import type { TargetLog } from './target-log.ts'

/** What is done all the time for a target, or for one of its addresses: sessions and fresh connections, each on its schedule. */
export class Work {
  readonly #target: Target<ProbeValues>
  readonly #log: TargetLog
  readonly #schedules: Schedule[] = []
  readonly #stops: (() => Promise<void>)[] = []

  /** @param host one of the target's addresses; undefined: any of them */
  constructor(target: Target<ProbeValues>, log: TargetLog, host: Host) {
    this.#target = target
    this.#log = log
    const { connections, fresh, interval } = target.values
    for (let index = 0; index < connections; index++) {
      const session = new Session(target, log, host)
      const ended = session.run()
      // Spread over the interval, so that sessions do not all ask at the same moment.
      this.#schedule((index * interval) / connections, intendedMs => session.exchange(intendedMs))
      this.#stops.push(() => {
        session.stop()
        return ended
      })
    }
    if (fresh) {
      const freshConnections = new FreshConnections(target, log, host)
      this.#schedule(0, intendedMs => freshConnections.exchange(intendedMs))
      this.#stops.push(() => freshConnections.stop())
    }
  }

  /** Starts nothing more, and resolves when all that is under way is over. */
  async stop(): Promise<void> {
    for (const schedule of this.#schedules) schedule.stop()
    await Promise.all(this.#stops.map(stop => stop()))
  }

  #schedule(offsetMs: number, tick: (intendedMs: number) => void): void {
    const message = 'the client was too slow to start these exchanges'
    const schedule = new Schedule({
      intervalMs: this.#target.values.interval,
      tooLateMs: this.#target.values.timeout,
      tick,
      skipped: exchanges => this.#log.add({ level: 'warn', message, messageOfMany: message, kind: {}, counts: { exchanges } }),
    })
    schedule.start(offsetMs)
    this.#schedules.push(schedule)
  }
}
