import type { Logger } from '@nihao/service'
import type { ConnectionTotals } from '@nihao/wire'
import type { ClientEventKind, EventFields } from './client-events.ts'
import type { Connection } from './connect/connection.ts'
import type { Exchange } from './connect/connection-events.ts'
import type { ConnectorStatistics, Phase } from './connect/connector.ts'
import { TargetCounters } from './counters.ts'
import type { Failure, FailureReason } from './failure.ts'
import type { Observer } from './observer.ts'
import { Availability, type FailingSession } from './outages/availability.ts'
import type { OutageReport } from './outages/outage-report.ts'
import { ServerTimes } from './server-times.ts'
import { SizeStatistics } from './size-statistics.ts'
import { type ExpectedSource, SourceWatch } from './source-watch.ts'
import { Summary } from './summary.ts'

/** The last exchange of a target. */
interface LastExchange {
  readonly good: boolean
  readonly reason?: FailureReason
  readonly roundTripMs?: number
}

export interface StatisticsOptions {
  /** Keep round trips for summaries. */
  readonly summaries?: boolean
  /** An exchange answered later than this after its intended start counts as timed out. */
  readonly answerWithinMs?: number
  /** How long this process stood still since a time of the monotonic clock, ms. */
  readonly stalledMs?: ((sinceMs: number) => number) | undefined
  /** The sizes of requests that are told apart. */
  readonly sizes?: readonly number[] | null
  /** Other connections are counted and logged. */
  readonly expectSource?: ExpectedSource
}

/** Shorter round trips are not checked for a stall of this process. */
const SUSPECT_MIN_MS = 20

/** Subscribes to all events of a target; the only writer of its counters. */
export class TargetStatistics implements ConnectorStatistics {
  readonly counters = new TargetCounters()
  readonly #observer: Observer
  readonly #logger: Logger
  readonly #traces: boolean
  readonly availability = new Availability<FailingSession>()
  /** Undefined where requests are not told apart by size. */
  readonly sizes: SizeStatistics | undefined
  readonly serverTimes: ConnectorStatistics['serverTimes']
  /** What `/targets` shows of the last outage that is over. */
  lastOutage: object | undefined
  /** When the last outage was over whose side was not the client; monotonic clock. */
  lastTroubleMs = Number.NaN
  readonly #answerWithinMs: number
  readonly #stalledMs: ((sinceMs: number) => number) | undefined
  readonly #summary: Summary | undefined
  readonly #sources: SourceWatch
  #last: LastExchange | undefined
  /** Monotonic clock. */
  #lastSuccessMs = Number.NaN

  constructor(
    observer: Observer,
    logger: Logger,
    {
      summaries = false,
      answerWithinMs = Number.POSITIVE_INFINITY,
      stalledMs,
      sizes = null,
      expectSource = 'any',
    }: StatisticsOptions,
  ) {
    this.#observer = observer
    this.#logger = logger
    this.#traces = logger.isLevelEnabled('trace')
    this.#answerWithinMs = answerWithinMs
    this.#stalledMs = stalledMs
    this.#sources = new SourceWatch(expectSource, this.counters, logger)
    this.sizes = sizes === null ? undefined : new SizeStatistics(sizes, logger)
    this.#summary = summaries ? new Summary(this.counters) : undefined
    this.serverTimes = observer.serverTimes && this.#timesTo(new ServerTimes(observer.serverTimes))
  }

  /** Undefined until the first exchange is complete. */
  get last(): LastExchange | undefined {
    return this.#last
  }

  connecting(): void {
    this.counters.connectionAttempts++
  }

  phaseDone(phase: Phase, durationMs: number): void {
    this.#observer.phase(phase, durationMs)
  }

  connectFailed({ reason }: Failure): void {
    this.counters.connectionFailures[reason]++
  }

  certificateReloadFailed(): void {
    this.counters.certificateReloadFailures++
  }

  connected(connection: Connection): void {
    this.counters.connections.add(connection)
  }

  helloReceived(connection: Connection): void {
    this.counters.serverSeen(String(connection.hello?.server))
    this.#sources.helloReceived(connection)
  }

  /** Whether the source address is translated; see SourceWatch. */
  get sourceTranslated(): boolean | undefined {
    return this.#sources.translated
  }

  exchangeStarted(intendedMs: number, nowMs: number): void {
    this.#observer.scheduleLag(nowMs - intendedMs)
  }

  answered(connection: Connection, exchange: Exchange, roundTripMs: number, nowMs: number, count: number): void {
    this.sizes?.answered(connection, exchange)
    const { intendedMs } = exchange
    if (nowMs - intendedMs > this.#answerWithinMs) {
      for (let index = 0; index < count; index++) this.exchangeFailed('timeout')
      return
    }
    this.counters.exchanges += count
    this.#observer.exchange(nowMs - intendedMs, count)
    if (roundTripMs >= SUSPECT_MIN_MS && this.#suspect(roundTripMs, nowMs)) this.counters.suspectExchanges += count
    else {
      this.#observer.roundTrip(roundTripMs, count)
      this.#summary?.record(roundTripMs)
    }
    // Once for all replies of one read, of which a load has many.
    if (nowMs !== this.#lastSuccessMs) {
      this.#lastSuccessMs = nowMs
      this.counters.lastSuccessMs = Date.now()
      this.#last = { good: true, roundTripMs }
    }
    if (this.#traces) for (let index = 0; index < count; index++) this.#logger.trace({ roundTripMs }, 'exchange')
  }

  /** An exchange failed: it got no correct reply in time, or was never sent. */
  exchangeFailed(reason: FailureReason): void {
    this.counters.exchanges++
    this.counters.exchangeFailures[reason]++
    this.#lastSuccessMs = Number.NaN
    this.#last = { good: false, reason }
  }

  closed(connection: Connection, failure: Failure | undefined, lost: readonly Exchange[]): void {
    this.counters.connectionClosed(connection)
    if (failure !== undefined && lost[0] !== undefined) this.sizes?.lost(connection, failure, lost[0])
    for (const _ of lost) this.exchangeFailed(failure?.reason ?? 'other')
  }

  /** If the counters differ, bytes were lost or added between client and server. */
  compared({ remoteAddress, hello, peerName }: Connection, client: ConnectionTotals, server: ConnectionTotals): void {
    const equal =
      client.pings === server.pings &&
      client.sentBytes === server.receivedBytes &&
      client.receivedBytes === server.sentBytes &&
      server.corrupt === 0
    this.counters.comparisons[equal ? 'equal' : 'different']++
    if (equal) return
    this.#logger.warn({ remoteAddress, serverName: hello?.server, client, server }, 'counters differ')
    this.event('counters_differ', {
      server: peerName,
      pings: client.pings,
      pingsAtServer: server.pings,
      sentBytes: client.sentBytes,
      receivedBytesAtServer: server.receivedBytes,
      receivedBytes: client.receivedBytes,
      sentBytesAtServer: server.sentBytes,
      corruptAtServer: server.corrupt,
    })
  }

  handedOver(): void {
    this.counters.handovers++
  }

  reconnected(reason: FailureReason): void {
    this.counters.reconnects[reason]++
  }

  outageBegan(reason: FailureReason): void {
    this.counters.outages[reason]++
  }

  /** An outage is over, or the client stops. */
  outageOver(outage: OutageReport): void {
    if (outage.over) this.counters.outageSides[outage.side]++
    if (outage.side !== 'client') this.lastTroubleMs = performance.now()
    this.#observer.outage(outage)
  }

  event(kind: ClientEventKind, fields: EventFields): void {
    this.#observer.event?.(kind, fields)
  }

  #timesTo(times: ServerTimes): NonNullable<ConnectorStatistics['serverTimes']> {
    return (connection, sentMs, receivedUs, sentUs, stalledUs) => {
      const receivedMs = performance.now()
      const suspect = receivedMs - sentMs >= SUSPECT_MIN_MS && this.#suspect(receivedMs - sentMs, receivedMs)
      times.add(connection, { sentMs, receivedMs }, { receivedUs, sentUs, stalledUs }, suspect)
    }
  }

  /** Whether this process itself took most of a round trip: its latency is not the network's. */
  #suspect(roundTripMs: number, nowMs: number): boolean {
    return this.#stalledMs !== undefined && this.#stalledMs(nowMs - roundTripMs) > roundTripMs / 2
  }

  /** The results since the last summary; undefined unless they are kept. */
  summary(): object | undefined {
    return this.#summary?.take(this.#last?.good ? undefined : this.#last?.reason)
  }
}
