import { ScrapedMetrics } from '@nihao/service'
import { Counter, type Registry } from 'prom-client'
import { registerPeers } from './peers/peer-metrics.ts'
import type { Target } from './target.ts'

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
  metrics.gauge(
    'tcp_client_source_translated',
    "1 if the server of an open connection sees another source address than the client's own, 0 if not (probe).",
    ({ statistics: { sourceTranslated } }) => (sourceTranslated === undefined ? undefined : Number(sourceTranslated)),
  )
  metrics.counter(
    'tcp_client_unexpected_sources_total',
    'Connections whose source address was not kept or translated as expected (with expect-source).',
    ({ counters }) => counters.unexpectedSources,
  )
  metrics.counter('tcp_client_sent_bytes_total', 'Bytes sent.', ({ counters }) => counters.bytes().sentBytes)
  metrics.counter('tcp_client_received_bytes_total', 'Bytes received.', ({ counters }) => counters.bytes().receivedBytes)
  metrics.gauge(
    'tcp_client_last_success_timestamp_seconds',
    'Time of the last successful exchange; 0 = never.',
    ({ counters }) => counters.lastSuccessMs / 1_000,
  )
  const encrypted = targets.filter(target => target.encrypted)
  new ScrapedMetrics(registry, 'target', encrypted, ({ label }) => label).counter(
    'tcp_client_certificate_reload_failures_total',
    'Failed reloads of changed certificates (own and CA); the previous ones stay in use.',
    ({ counters }) => counters.certificateReloadFailures,
  )
  registerComparisons(registry, targets)
  registerSizes(registry, targets)
  registerPeers(registry, targets)
}

function registerSizes(registry: Registry, targets: readonly Target[]): void {
  const failures = new Counter({
    name: 'tcp_client_exchange_failures_by_size_total',
    help: 'Failed exchanges by size of the request, reason and direction: of those that a connection lost, the first (with sizes).',
    labelNames: ['target', 'size', 'reason', 'direction'],
    registers: [registry],
    collect() {
      failures.reset()
      for (const { label, statistics } of targets) {
        for (const { sizeBytes, reason, direction, count } of statistics.sizes?.failures ?? []) {
          // Only a time-out and wrong bytes have a direction.
          if (count === 0 && direction !== 'unknown' && reason !== 'timeout' && reason !== 'mismatch') continue
          failures.inc({ target: label, size: `${sizeBytes}B`, reason, direction }, count)
        }
      }
    },
  })
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
