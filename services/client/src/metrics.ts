import { ScrapedMetrics } from '@nihao/service'
import { Histogram, type Registry } from 'prom-client'
import type { Observer, Phase, Target } from './target.ts'

/** 50 µs to 26 s, each twice the one before; seconds. */
const LATENCY_BUCKETS = Array.from({ length: 20 }, (_, power) => 50e-6 * 2 ** power)

/** The kernel sends a lost SYN again after 1, 3 and 7 s: with an edge on either side, a handshake that lost one stands out. */
const CONNECT_BUCKETS = [...LATENCY_BUCKETS, ...[1, 2, 3, 4, 7].flatMap(second => [second - 0.05, second + 0.05])].sort(
  (a, b) => a - b,
)

/** 10 ms to a day, seconds. */
const OUTAGE_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400]

/** Registers what is measured, and gives each target the observer that takes its measurements there. */
export function registerDurations(registry: Registry): (target: string) => Observer {
  const registers = [registry]
  const histogram = (name: string, help: string, buckets: number[], ...labelNames: string[]) =>
    new Histogram({ name, help, buckets, labelNames: ['target', ...labelNames], registers })
  const connect = histogram(
    'tcp_client_connect_duration_seconds',
    'Time that connecting took, by phase.',
    CONNECT_BUCKETS,
    'phase',
  )
  const exchange = histogram(
    'tcp_client_exchange_duration_seconds',
    'Time from the intended start of an exchange to its reply: what a user waits, the wait for a connection included.',
    LATENCY_BUCKETS,
  )
  const roundTrip = histogram(
    'tcp_client_round_trip_duration_seconds',
    'Time from sending a request to its reply.',
    LATENCY_BUCKETS,
  )
  const lag = histogram(
    'tcp_client_schedule_lag_seconds',
    'How late the client itself was to start an exchange.',
    LATENCY_BUCKETS,
  )
  const outage = histogram(
    'tcp_client_outage_duration_seconds',
    'Time from the last good exchange of a session to its next, around a failure.',
    OUTAGE_BUCKETS,
  )

  return target => {
    for (const metric of [exchange, roundTrip, lag, outage]) metric.zero({ target })
    for (const phase of ['dns', 'tcp', 'tls', 'hello']) connect.zero({ target, phase })
    const into = (metric: { observe(seconds: number): void }) => (ms: number) => metric.observe(ms / 1_000)
    const phase = (phase: Phase) => into(connect.labels({ target, phase }))
    const phases = { dns: phase('dns'), tcp: phase('tcp'), tls: phase('tls'), hello: phase('hello') }
    return {
      connect: (phase, durationMs) => phases[phase](durationMs),
      exchange: into(exchange.labels({ target })),
      roundTrip: into(roundTrip.labels({ target })),
      scheduleLag: into(lag.labels({ target })),
      outage: into(outage.labels({ target })),
    }
  }
}

/** Registers what is counted: read from the targets' counters when somebody scrapes. */
export function registerCounts(registry: Registry, targets: readonly Target[]): void {
  const metrics = new ScrapedMetrics(registry, 'target', targets, ({ url }) => url)
  metrics.counter('tcp_client_connection_attempts_total', 'Attempts to connect.', ({ counters }) => counters.connectionAttempts)
  metrics.counterByReason(
    'tcp_client_connection_failures_total',
    'Attempts to connect that failed.',
    ({ counters }) => counters.connectionFailures,
  )
  metrics.gauge('tcp_client_connections_active', 'Connections that are open.', ({ counters }) => counters.connections.size)
  metrics.counterByReason(
    'tcp_client_connections_closed_total',
    'Connections that ended.',
    ({ counters }) => counters.connectionsClosed,
  )
  metrics.counter('tcp_client_exchanges_total', 'Exchanges that are over, well or not.', ({ counters }) => counters.exchanges)
  metrics.counterByReason(
    'tcp_client_exchange_failures_total',
    'Exchanges that got no right reply in time.',
    ({ counters }) => counters.exchangeFailures,
  )
  metrics.counterByReason('tcp_client_outages_total', 'Outages, by what they began with.', ({ counters }) => counters.outages)
  metrics.counter(
    'tcp_client_handovers_total',
    'Times that a session moved to a new connection because its server asked it to go (probe).',
    ({ counters }) => counters.handovers,
  )
  metrics.gauge(
    'tcp_client_servers_seen',
    'Distinct names of servers that answered so far (probe).',
    ({ counters }) => counters.serversSeen,
  )
  metrics.counter(
    'tcp_client_sent_bytes_total',
    'Bytes handed to the kernel for sending.',
    ({ counters }) => counters.bytes().sentBytes,
  )
  metrics.counter('tcp_client_received_bytes_total', 'Bytes received.', ({ counters }) => counters.bytes().receivedBytes)
  metrics.gauge(
    'tcp_client_last_success_timestamp_seconds',
    'When an exchange was last answered; 0 = never.',
    ({ counters }) => counters.lastSuccessMs / 1_000,
  )
}
