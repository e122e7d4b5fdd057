import { ScrapedMetrics } from '@nihao/service'
import { Counter, Histogram, type Registry } from 'prom-client'
import type { Phase } from './connect/connector.ts'
import { sides } from './outages/evidence.ts'
import type { Observer } from './statistics.ts'
import type { Target } from './target.ts'

/** 50 µs to 26 s, doubling; seconds. */
const LATENCY_BUCKETS = Array.from({ length: 20 }, (_, power) => 50e-6 * 2 ** power)

/** The kernel retransmits a lost SYN after 1, 3 and 7 s: bounds on both sides make such handshakes stand out. */
const CONNECT_BUCKETS = [...LATENCY_BUCKETS, ...[1, 2, 3, 4, 7].flatMap(second => [second - 0.05, second + 0.05])].sort(
  (a, b) => a - b,
)

/** 10 ms to a day, seconds. */
const OUTAGE_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400]

/** Registers the histograms. @returns the observer that records the durations of a target */
export function registerDurations(registry: Registry): (target: string) => Observer {
  const registers = [registry]
  const histogram = (name: string, help: string, buckets: number[], ...labelNames: string[]) =>
    new Histogram({ name, help, buckets, labelNames: ['target', ...labelNames], registers })
  const connect = histogram(
    'tcp_client_connect_duration_seconds',
    'Duration of successful connection phases.',
    CONNECT_BUCKETS,
    'phase',
  )
  const exchange = histogram(
    'tcp_client_exchange_duration_seconds',
    'Duration of successful exchanges from their intended start, including the wait for a connection.',
    LATENCY_BUCKETS,
  )
  const roundTrip = histogram(
    'tcp_client_round_trip_duration_seconds',
    'Duration of successful exchanges from the time the request was sent.',
    LATENCY_BUCKETS,
  )
  const lag = histogram(
    'tcp_client_schedule_lag_seconds',
    'Delay in starting exchanges, caused by the client itself.',
    LATENCY_BUCKETS,
  )
  const outage = histogram(
    'tcp_client_outage_duration_seconds',
    'Duration of outages that are over, from the intended start of the first lost exchange to the first good reply, by the side of their cause.',
    OUTAGE_BUCKETS,
    'side',
  )

  return target => {
    for (const metric of [exchange, roundTrip, lag]) metric.zero({ target })
    for (const side of sides) outage.zero({ target, side })
    for (const phase of ['dns', 'tcp', 'tls', 'hello']) connect.zero({ target, phase })
    const into = (metric: { observe(seconds: number): void }) => (ms: number) => metric.observe(ms / 1_000)
    const phase = (phase: Phase) => into(connect.labels({ target, phase }))
    const phases = { dns: phase('dns'), tcp: phase('tcp'), tls: phase('tls'), hello: phase('hello') }
    return {
      phase: (phase, durationMs) => phases[phase](durationMs),
      exchange: into(exchange.labels({ target })),
      roundTrip: into(roundTrip.labels({ target })),
      scheduleLag: into(lag.labels({ target })),
      outage: ({ durationMs, side, over }) => {
        if (over) outage.observe({ target, side }, durationMs / 1_000)
      },
    }
  }
}

/** Registers the counters of targets, which are read at scrape time. */
export function registerCounts(registry: Registry, targets: readonly Target[]): void {
  const metrics = new ScrapedMetrics(registry, 'target', targets, ({ label }) => label)
  metrics.counter('tcp_client_connection_attempts_total', 'Connection attempts.', ({ counters }) => counters.connectionAttempts)
  metrics.counterByReason(
    'tcp_client_connection_failures_total',
    'Failed connection attempts, by reason.',
    ({ counters }) => counters.connectionFailures,
  )
  metrics.gauge('tcp_client_connections_active', 'Open connections.', ({ counters }) => counters.connections.size)
  metrics.counterByReason(
    'tcp_client_connections_closed_total',
    'Closed connections, by reason.',
    ({ counters }) => counters.connectionsClosed,
  )
  metrics.counter(
    'tcp_client_exchanges_total',
    'Completed exchanges, successful or failed.',
    ({ counters }) => counters.exchanges,
  )
  metrics.counterByReason(
    'tcp_client_exchange_failures_total',
    'Failed exchanges, by reason.',
    ({ counters }) => counters.exchangeFailures,
  )
  metrics.counterByReason(
    'tcp_client_outages_total',
    'Outages, by reason of the first failure.',
    ({ counters }) => counters.outages,
  )
  metrics.counterByReason(
    'tcp_client_reconnects_total',
    'Connections that ended and were replaced before the next exchange was due, by reason.',
    ({ counters }) => counters.reconnects,
  )
  metrics.gauge('tcp_client_target_down', '1 while no session works, after the first success; otherwise 0.', ({ statistics }) =>
    Number(statistics.availability.down),
  )
  metrics.counter(
    'tcp_client_target_down_seconds_total',
    'Time during which no session worked, after the first success.',
    ({ statistics }) => statistics.availability.downMs() / 1_000,
  )
  metrics.counter(
    'tcp_client_suspect_exchanges_total',
    'Successful exchanges during which the client itself stood still; they are not in the round trip durations.',
    ({ counters }) => counters.suspectExchanges,
  )
  metrics.counter(
    'tcp_client_handovers_total',
    'Handovers to a new connection, requested by the server (probe).',
    ({ counters }) => counters.handovers,
  )
  metrics.gauge('tcp_client_servers_seen', 'Distinct server names seen so far (probe).', ({ counters }) => counters.serversSeen)
  metrics.counter('tcp_client_sent_bytes_total', 'Bytes sent.', ({ counters }) => counters.bytes().sentBytes)
  metrics.counter('tcp_client_received_bytes_total', 'Bytes received.', ({ counters }) => counters.bytes().receivedBytes)
  metrics.gauge(
    'tcp_client_last_success_timestamp_seconds',
    'Time of the last successful exchange; 0 = never.',
    ({ counters }) => counters.lastSuccessMs / 1_000,
  )
  registerComparisons(registry, targets)
}

function registerComparisons(registry: Registry, targets: readonly Target[]): void {
  const comparisons = new Counter({
    name: 'tcp_client_comparisons_total',
    help: 'Comparisons of client and server counters at the end of a connection, by result (probe).',
    labelNames: ['target', 'result'],
    registers: [registry],
    collect() {
      comparisons.reset()
      for (const { label, counters } of targets) {
        const { equal, different } = counters.comparisons
        comparisons.inc({ target: label, result: 'equal' }, equal)
        comparisons.inc({ target: label, result: 'different' }, different)
      }
    },
  })
}
