import { LatencyBuckets, type Logger } from '@nihao/service'
import type { ConnectionTotals, ProtocolName } from '@nihao/wire'
import type { ClientEventKind, EventFields } from './client-events.ts'
import type { Connection } from './connect/connection.ts'
import type { Exchange } from './connect/connection-events.ts'
import type { ConnectorStatistics, Phase } from './connect/connector.ts'
import { isTranslated, sourceOf } from './connect/source.ts'
import { TargetCounters } from './counters.ts'
import type { Failure, FailureReason } from './failure.ts'
import { Availability, type FailingSession } from './outages/availability.ts'
import type { OutageReport } from './outages/outage-report.ts'
import { round } from './round.ts'
import { ServerTimes, type ServerTimesObserver } from './server-times.ts'
import { SizeStatistics } from './size-statistics.ts'

/** Records measurements; durations in ms. */
export interface Observer {
  phase(phase: Phase, durationMs: number): void
  /** @param count how many exchanges had this duration: 1, except in a load */
  exchange(durationMs: number, count: number): void
  roundTrip(durationMs: number, count: number): void
  scheduleLag(lagMs: number): void
  outage(outage: OutageReport): void
  /** Something that happened, for `/events`. */
  readonly event?: ((kind: ClientEventKind, fields: EventFields) => void) | undefined
  /** Without this, nobody looks at the times in PONGs. */
  readonly serverTimes?: ServerTimesObserver | undefined
}

/** Makes the observer of a target. */
export type NewObserver = (target: string, protocol: ProtocolName) => Observer

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
  readonly expectSource?: 'any' | 'kept' | 'translated'
}

/** Shorter round trips are not checked for a stall of this process. */
const SUSPECT_MIN_MS = 20

/** Unexpected sources are logged at most this often. */
const SOURCE_LOG_MS = 60_000

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
  /** Since the last summary. */
  readonly #recentRoundTrips: LatencyBuckets | undefined
  readonly #expectSource: 'any' | 'kept' | 'translated'
  #lastLocalAddress: string | undefined
  #lastHello: Connection['hello']
  #sourceLoggedMs = Number.NEGATIVE_INFINITY
  #last: LastExchange | undefined
  /** Monotonic clock. */
  #lastSuccessMs = Number.NaN
  #summarised = { exchanges: 0, failures: 0 }

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
    this.#expectSource = expectSource
    this.sizes = sizes === null ? undefined : new SizeStatistics(sizes, logger)
    this.#recentRoundTrips = summaries ? new LatencyBuckets() : undefined
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
    this.#lastLocalAddress = connection.localAddress
    this.#lastHello = connection.hello
    if (this.#expectSource !== 'any') this.#checkSource(connection)
  }

  /** Whether the source address of an open connection is translated, or else of the last one; undefined where no server says. */
  get sourceTranslated(): boolean | undefined {
    let translated = isTranslated({ localAddress: this.#lastLocalAddress, hello: this.#lastHello })
    for (const connection of this.counters.connections) {
      const current = isTranslated(connection)
      if (current === true) return true
      translated = current ?? translated
    }
    return translated
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
      this.#recentRoundTrips?.record(roundTripMs)
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

  #checkSource(connection: Connection): void {
    const { translated, own, seen } = sourceOf(connection) ?? {}
    if (translated === undefined || translated === (this.#expectSource === 'translated')) return
    this.counters.unexpectedSources++
    const nowMs = performance.now()
    if (nowMs - this.#sourceLoggedMs < SOURCE_LOG_MS) return
    this.#sourceLoggedMs = nowMs
    const { remoteAddress, hello } = connection
    this.#logger.warn(
      { expected: this.#expectSource, own, seen, remoteAddress, serverName: hello?.server },
      'unexpected source address',
    )
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

  /** The results since the last summary. */
  summary(): object {
    const { exchanges, connections } = this.counters
    const failures = this.counters.failures()
    const roundTripMs = this.#summariseRoundTrips()
    const summary = {
      connections: connections.size,
      exchanges: exchanges - this.#summarised.exchanges,
      failures: failures - this.#summarised.failures,
      ...(roundTripMs && { roundTripMs }),
      ...(!this.#last?.good && { failing: this.#last?.reason }),
    }
    this.#summarised = { exchanges, failures }
    return summary
  }

  #summariseRoundTrips(): object | undefined {
    const recent = this.#recentRoundTrips
    if (recent === undefined || recent.count === 0) return undefined
    const [p50, p99, max] = [0.5, 0.99, 1].map(share => round(recent.percentile(share)))
    recent.clear()
    return { p50, p99, max }
  }
}
