import { createHistogram } from 'node:perf_hooks'
import type { Logger } from '@nihao/service'
import { afterBanner, type ClientOptions, type ConnectionTotals, type Endpoint, protocols } from '@nihao/wire'
import { type CloseReason, Connection, type Exchange } from './connection.ts'
import { nonZero, TargetCounters } from './counters.ts'
import { Dialer } from './dialer.ts'
import { describeFailure, type Failure, type FailureReason } from './failure.ts'
import type { CommonValues } from './settings.ts'

/** The steps to a connection that exchanges can go over. */
export type Phase = 'dns' | 'tcp' | 'tls' | 'hello'

/** Takes what is measured, in ms, to where it is shown. */
export interface Observer {
  connect(phase: Phase, durationMs: number): void
  exchange(durationMs: number): void
  roundTrip(durationMs: number): void
  scheduleLag(lagMs: number): void
  outage(durationMs: number): void
}

/** Who wants a connection, and hears what becomes of it. */
export interface ConnectionOwner {
  /** The exchange is over: whoever made it may use the object again. */
  answered(connection: Connection, roundTripMs: number, nowMs: number, exchange: Exchange): void
  closed(connection: Connection, failure: Failure | undefined, lostExchanges: number): void
  /** The server asks for this connection to be left. */
  goAway?(connection: Connection, reason: string): void
}

/** What one connection has that others of its target have not. */
export interface ConnectOptions {
  /** One of the addresses of the target's host name, to be used in place of all of them. */
  readonly host?: string | undefined
  /** Time without traffic after which the kernel sends TCP keep-alive probes; 0 = it sends none. */
  readonly keepAliveMs?: number
}

/** What a target is made of: an endpoint with the settings that hold for it and, where requests differ, what they are. */
export interface TargetOptions<Values extends CommonValues = CommonValues> {
  readonly endpoint: Endpoint
  readonly label: string
  readonly values: Values & Pick<ClientOptions, 'nextRequest'> & { readonly summaryInterval?: number }
}

/** A name is as long as a host name may be; what is longer is cut, for the log's sake. */
const MAX_NAME_LENGTH = 253

/** An endpoint that the client works on: makes its connections and exchanges, and keeps the counters of all its sessions. */
export class Target<Values extends CommonValues = CommonValues> {
  readonly url: string
  readonly values: TargetOptions<Values>['values']
  readonly logger: Logger
  readonly counters = new TargetCounters()
  readonly observer: Observer
  readonly #endpoint: Endpoint
  readonly #dialer: Dialer
  readonly #roundTripsUs = createHistogram()
  #last: { good: boolean; reason?: FailureReason; roundTripMs?: number } | undefined
  readonly #traces: boolean
  readonly #summarises: boolean
  #greeted = false
  /** Monotonic clock. */
  #lastSuccessMs = Number.NaN
  #summarised = { exchanges: 0, failures: 0 }

  constructor({ endpoint, label, values }: TargetOptions<Values>, observer: (target: string) => Observer, logger: Logger) {
    this.url = label
    this.values = values
    this.logger = logger.child({ target: this.url })
    this.observer = observer(this.url)
    this.#endpoint = endpoint
    this.#traces = logger.isLevelEnabled('trace')
    this.#summarises = values.summaryInterval !== undefined && values.summaryInterval > 0
    this.#dialer = new Dialer({ endpoint, label, values }, this.logger)
  }

  /** True once an exchange is over, well or not. */
  get tried(): boolean {
    return this.#last !== undefined
  }

  /** True when the last exchange was answered. */
  get good(): boolean {
    return this.#last?.good ?? false
  }

  newExchange(intendedMs: number): Exchange {
    this.observer.scheduleLag(performance.now() - intendedMs)
    return { intendedMs, deadlineMs: intendedMs + this.values.timeout, sentMs: 0 }
  }

  /**
   * Connects, and counts the attempt.
   * @returns the connection, or why there is none
   */
  async connect(owner: ConnectionOwner, signal: AbortSignal, options: ConnectOptions = {}): Promise<Connection | Failure> {
    this.counters.connectionAttempts++
    const result = await this.#dial(owner, signal, options).catch(describeFailure)
    if (!(result instanceof Connection) && !signal.aborted) this.counters.connectionFailures[result.reason]++
    return result
  }

  async #dial(owner: ConnectionOwner, signal: AbortSignal, options: ConnectOptions): Promise<Connection | Failure> {
    const { timeout, banner } = this.values
    const startMs = performance.now()
    const socket = await this.#dialer.dial({
      ...options,
      signal,
      take: chunk => connection.receive(chunk),
      observe: (phase, durationMs) => this.observer.connect(phase, durationMs),
    })
    const protocol = protocols[this.#endpoint.protocol]
    const plain = protocol.clientCodec(this.values, {
      hello: ({ server }) => this.#meet(connection, server),
      goAway: reason => owner.goAway?.(connection, reason),
      totals: (ours, theirs) => this.#compare(connection, ours, theirs),
    })
    let opened = false
    const connection: Connection = new Connection(socket, banner && protocol.text ? afterBanner(plain) : plain, {
      answered: (exchange, roundTripMs, nowMs) => {
        this.#succeeded(exchange, roundTripMs, nowMs)
        owner.answered(connection, roundTripMs, nowMs, exchange)
      },
      closed: (failure, lost) => {
        this.counters.connectionClosed(connection, closeReason(connection, failure))
        for (const _ of lost) this.failed(failure?.reason ?? 'other')
        if (opened) owner.closed(connection, failure, lost.length)
      },
    })
    this.counters.connections.add(connection)
    const connectedMs = performance.now()
    const failure = await connection.open(startMs + timeout - connectedMs)
    if (failure !== undefined) return failure
    if (!protocol.text) this.observer.connect('hello', performance.now() - connectedMs)
    opened = true
    return connection
  }

  #meet(connection: Connection, server: unknown): void {
    const name = String(server).slice(0, MAX_NAME_LENGTH)
    connection.serverName = name
    this.counters.serverSeen(name)
    if (!this.values.expectServer.test(name)) {
      throw Object.assign(new Error(`the server calls itself ${JSON.stringify(name)}`), { code: 'WRONG_SERVER' })
    }
  }

  /** What one side sent and the other did not get, or the reverse, was lost or made up on the way. */
  #compare({ remoteAddress, serverName }: Connection, client: ConnectionTotals, server: ConnectionTotals): void {
    this.counters.countersCompared++
    const agree =
      client.pings === server.pings &&
      client.sentBytes === server.receivedBytes &&
      client.receivedBytes === server.sentBytes &&
      server.corrupt === 0
    if (agree) return
    this.counters.countersDiffered++
    const { pings, receivedBytes, sentBytes, corrupt } = server
    this.logger.warn(
      { remoteAddress, serverName, client, server: { pings, receivedBytes, sentBytes, corrupt } },
      'counters differ',
    )
  }

  /** An exchange that got no reply, or was never sent. */
  failed(reason: FailureReason): void {
    this.counters.exchanges++
    this.counters.exchangeFailures[reason]++
    this.#lastSuccessMs = Number.NaN
    this.#last = { good: false, reason }
  }

  #succeeded(exchange: Exchange, roundTripMs: number, nowMs: number): void {
    this.counters.exchanges++
    this.observer.exchange(nowMs - exchange.intendedMs)
    this.observer.roundTrip(roundTripMs)
    if (this.#summarises) this.#roundTripsUs.record(Math.max(1, Math.round(roundTripMs * 1_000)))
    // Once for all replies that came together: a load has many of them.
    if (nowMs !== this.#lastSuccessMs) {
      this.#lastSuccessMs = nowMs
      this.counters.lastSuccessMs = Date.now()
      this.#last = { good: true, roundTripMs }
    }
    if (this.#traces) this.logger.trace({ roundTripMs }, 'exchange')
  }

  /** Shows once what the server says, so that people see it at work. */
  greeted({ localAddress, remoteAddress, serverName, replyText }: Connection, roundTripMs: number): void {
    if (this.#greeted) return
    this.#greeted = true
    this.logger.info(
      { localAddress, remoteAddress, serverName, reply: replyText, roundTripMs: round(roundTripMs) },
      'first reply',
    )
  }

  /** What happened since the last summary. */
  summary(): object {
    const { exchanges, connections } = this.counters
    const failures = this.counters.failures()
    const quantileMs = (percentile: number) => round(this.#roundTripsUs.percentile(percentile) / 1_000)
    const measured = this.#roundTripsUs.count > 0
    const summary = {
      connections: connections.size,
      exchanges: exchanges - this.#summarised.exchanges,
      failures: failures - this.#summarised.failures,
      ...(measured && { roundTripMs: { p50: quantileMs(50), p99: quantileMs(99), max: round(this.#roundTripsUs.max / 1_000) } }),
      ...(!this.good && { failing: this.#last?.reason }),
    }
    this.#summarised = { exchanges, failures }
    this.#roundTripsUs.reset()
    return summary
  }

  /** The whole life of the target, for the last line of the log. */
  totals(): object {
    const {
      connectionAttempts,
      connectionFailures,
      connectionsClosed,
      exchanges,
      exchangeFailures,
      outages,
      handovers,
      countersCompared,
      countersDiffered,
    } = this.counters
    return {
      connectionAttempts,
      connectionFailures: nonZero(connectionFailures),
      connectionsClosed: nonZero(connectionsClosed),
      exchanges,
      exchangeFailures: nonZero(exchangeFailures),
      outages: nonZero(outages),
      handovers,
      countersCompared,
      countersDiffered,
      ...this.counters.bytes(),
    }
  }

  /** What the admin endpoint shows. */
  describe(): object {
    const { lastSuccessMs } = this.counters
    return {
      target: this.url,
      state: this.#last === undefined ? 'untried' : this.good ? 'good' : 'failing',
      ...this.#last,
      lastSuccess: lastSuccessMs === 0 ? null : new Date(lastSuccessMs).toISOString(),
      connections: this.counters.connections.size,
      ...this.totals(),
    }
  }
}

function closeReason({ finishReason }: Connection, failure: Failure | undefined): CloseReason {
  switch (failure?.reason) {
    case undefined:
      return finishReason
    case 'eof':
    case 'rejected':
    case 'tls': // an alert is the last that a server says
      return 'server_closed'
    case 'reset':
    case 'timeout':
    case 'protocol':
    case 'mismatch':
      return failure.reason
    default:
      return 'local'
  }
}

const round = (ms: number) => Math.round(ms * 1_000) / 1_000
