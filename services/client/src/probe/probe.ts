import type { Logger } from '@nihao/service'
import { Schedule } from '../schedule.ts'
import type { ClientConfig } from '../settings.ts'
import { type Observer, Target } from '../target.ts'
import { FreshConnections } from './fresh.ts'
import { Session } from './session.ts'

/** The mode that runs until it is told to stop: sessions on every target, with exchanges on a fixed schedule. */
export class Probe {
  readonly targets: readonly Target[]
  readonly #config: ClientConfig
  readonly #logger: Logger
  readonly #schedules: Schedule[] = []
  readonly #stops: (() => Promise<void>)[] = []
  #summaries: NodeJS.Timeout | undefined
  #stopping = false

  constructor(config: ClientConfig, observer: (target: string) => Observer, logger: Logger) {
    this.targets = config.targetConfigs.map(target => new Target(target, observer, logger))
    this.#config = config
    this.#logger = logger
  }

  get stopping(): boolean {
    return this.#stopping
  }

  start(): void {
    for (const target of this.targets) this.#startTarget(target)
    const { summaryInterval } = this.#config
    if (summaryInterval > 0) this.#summaries = setInterval(() => this.#summarise(), summaryInterval)
  }

  /** Starts nothing more, and resolves when all that is under way is over. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#summaries)
    for (const schedule of this.#schedules) schedule.stop()
    await Promise.all(this.#stops.map(stop => stop()))
    this.#logger.info(Object.fromEntries(this.targets.map(target => [target.url, target.totals()])), 'stopped')
  }

  #startTarget(target: Target): void {
    const { connections, fresh, interval } = target.values
    for (let index = 0; index < connections; index++) {
      const session = new Session(target)
      const ended = session.run()
      // Spread over the interval, so that sessions do not all ask at the same moment.
      this.#schedule(target, (index * interval) / connections, intendedMs => session.exchange(intendedMs))
      this.#stops.push(() => {
        session.stop()
        return ended
      })
    }
    if (fresh) {
      const freshConnections = new FreshConnections(target)
      this.#schedule(target, 0, intendedMs => freshConnections.exchange(intendedMs))
      this.#stops.push(() => freshConnections.stop())
    }
  }

  #schedule({ values, logger }: Target, offsetMs: number, tick: (intendedMs: number) => void): void {
    const schedule = new Schedule({
      intervalMs: values.interval,
      tooLateMs: values.timeout,
      tick,
      skipped: exchanges => logger.warn({ exchanges }, 'the client was too slow to start these exchanges'),
    })
    schedule.start(offsetMs)
    this.#schedules.push(schedule)
  }

  #summarise(): void {
    for (const target of this.targets) target.logger.info(target.summary(), 'summary')
  }
}
