import type { ConnectionEvents } from '../../connect/connection-events.ts'
import { Scout } from '../../outages/scout.ts'
import { Schedule } from '../../schedule.ts'
import type { Host } from './addresses.ts'
import { FreshConnections } from './fresh-connections.ts'
import { Session, type SessionContext } from './session.ts'

export interface TargetProberOptions extends Omit<SessionContext, 'scout' | 'connected'> {
  /** One of the target's addresses; undefined: any of them. */
  readonly host: Host
  /** Whether exchanges start only with the first connection: a name may have an address before its server listens. */
  readonly patient: boolean
}

/** The kernel repeats a lost SYN after one second, and again after two more. */
const MIN_CONNECT_TIMEOUT_MS = 3_000
const MAX_SCOUT_PERIOD_MS = 100
const MIN_SCOUT_PERIOD_MS = 10
/** All sessions are back within half an interval, or half of this. */
const MAX_SPREAD_MS = 1_000

/** The scout has no use for events; the session that gets the connection does. */
const NO_OWNER: ConnectionEvents = { answered() {}, closed() {} }

/** Probes a target, or one of its addresses: sessions and fresh connections on a schedule. */
export class TargetProber {
  readonly #options: TargetProberOptions
  readonly #scout: Scout
  readonly #schedules: Schedule[] = []
  readonly #stops: (() => Promise<void>)[] = []
  #started: boolean

  constructor(options: TargetProberOptions) {
    const { connections, fresh, interval, timeout } = options.target.values
    this.#options = options
    this.#started = !options.patient || connections === 0
    this.#scout = new Scout({
      periodMs: Math.max(MIN_SCOUT_PERIOD_MS, Math.min(MAX_SCOUT_PERIOD_MS, interval)),
      spreadMs: Math.min(interval, MAX_SPREAD_MS) / 2 / Math.max(1, connections),
      closeWithinMs: timeout,
      connect: (signal, handshakeDone) => this.#connect(signal, handshakeDone),
    })
    if (connections > 0) this.#startSessions(connections)
    if (fresh) this.#startFresh()
  }

  /** Starts nothing more, and resolves when everything that was started is over. */
  async stop(): Promise<void> {
    for (const schedule of this.#schedules) schedule.stop()
    this.#scout.stop()
    await Promise.all(this.#stops.map(stop => stop()))
  }

  #connect(signal: AbortSignal, handshakeDone: (remoteAddress: string) => void) {
    const { target, host } = this.#options
    const timeoutMs = Math.max(MIN_CONNECT_TIMEOUT_MS, target.values.timeout)
    return target.connector.connect(NO_OWNER, signal, { host, timeoutMs, handshakeDone })
  }

  /** The sessions take turns, so that their exchanges are spread over the interval. */
  #startSessions(connections: number): void {
    const context = { ...this.#options, scout: this.#scout, connected: () => this.#start() }
    const sessions: Session[] = []
    this.#schedule(connections, (intendedMs, index) => sessions[index % connections]?.exchange(intendedMs))
    for (let index = 0; index < connections; index++) sessions.push(new Session(context))
    for (const session of sessions) this.#stops.push(() => session.stop())
  }

  #startFresh(): void {
    const freshConnections = new FreshConnections(this.#options, this.#options.host)
    this.#schedule(1, intendedMs => freshConnections.exchange(intendedMs))
    this.#stops.push(() => freshConnections.stop())
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    for (const schedule of this.#schedules) schedule.start()
  }

  #schedule(perInterval: number, tick: (intendedMs: number, index: number) => void): void {
    const { interval, timeout } = this.#options.target.values
    const message = 'exchanges skipped: the client is too slow'
    const schedule = new Schedule({
      intervalMs: interval / perInterval,
      tooLateMs: timeout,
      tick,
      skipped: exchanges =>
        this.#options.log.add({ level: 'warn', message, messageOfMany: message, kind: {}, counts: { exchanges } }),
    })
    if (this.#started) schedule.start()
    this.#schedules.push(schedule)
  }
}
