import { ScrapedMetrics } from '@nihao/service'
import { Gauge, Histogram, type Registry } from 'prom-client'
import { registerAcceptQueues } from './accept-queues.ts'
import type { Listener } from './listener.ts'
import type { Server } from './server.ts'

/** 10 ms to one day, in seconds. */
const DURATION_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400]

/** 1 ms to 10 s, in seconds. */
const HANDSHAKE_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

/** Maximum number of durations kept until the next scrape. */
const MAX_UNOBSERVED = 1_000

/** Registers the server's metrics. All except the durations are read from the listeners' counters at scrape time. */
export function registerMetrics(registry: Registry, server: Server): void {
  const { listeners } = server
  const metrics = new ScrapedMetrics(registry, 'listener', listeners, ({ label }) => label)
  registerConnections(metrics)
  registerTraffic(metrics)
  registerTls(
    new ScrapedMetrics(
      registry,
      'listener',
      listeners.filter(({ encrypted }) => encrypted),
      ({ label }) => label,
    ),
  )
  registerDurations(registry, server)
  registerProcessLimits(registry, server)
  registerAcceptQueues(registry, listeners)
  new Gauge({
    name: 'tcp_server_draining',
    help: '1 while the server is draining, otherwise 0.',
    registers: [registry],
    collect() {
      this.set(server.draining ? 1 : 0)
    },
  })
}

function registerConnections(metrics: ScrapedMetrics<Listener>): void {
  metrics.gauge(
    'tcp_server_connections_active',
    'Open connections, including those in a TLS handshake.',
    listener => listener.active,
  )
  metrics.counter('tcp_server_connections_opened_total', 'Accepted connections.', ({ counters }) => counters.opened)
  metrics.counterByReason(
    'tcp_server_connections_closed_total',
    'Closed connections, by reason.',
    ({ counters }) => counters.closed,
  )
  metrics.counterByReason(
    'tcp_server_connections_rejected_total',
    'Rejected connections, by reason.',
    ({ counters }) => counters.rejected,
  )
  metrics.gauge('tcp_server_connections_limit', 'Maximum open connections; +Inf = no limit.', listener => listener.limit)
  metrics.counterByReason('tcp_server_faults_total', 'Injected faults, by kind.', listener => listener.faults?.injected ?? {})
}

function registerTraffic(metrics: ScrapedMetrics<Listener>): void {
  metrics.counter('tcp_server_received_bytes_total', 'Bytes received.', async listener => (await listener.totals()).receivedBytes)
  metrics.counter(
    'tcp_server_sent_bytes_total',
    'Bytes sent (accepted by the kernel).',
    async listener => (await listener.totals()).sentBytes,
  )
  metrics.counter(
    'tcp_server_messages_total',
    'Messages received: lines on greet, PINGs on probe, reads on the other protocols.',
    async listener => (await listener.totals()).messages,
  )
  metrics.counterByReason('tcp_server_protocol_errors_total', 'Protocol violations by peers (probe).', async listener => ({
    ...listener.counters.protocolErrors,
    corrupt: (await listener.totals()).corrupt,
  }))
  metrics.counter(
    'tcp_server_read_pauses_total',
    'Times that reading paused because a peer did not read its replies.',
    async listener => (await listener.totals()).readPauses,
  )
  metrics.gauge(
    'tcp_server_buffered_bytes',
    'Bytes buffered for slow readers.',
    async listener => (await listener.totals()).bufferedBytes,
  )
}

function registerProcessLimits(registry: Registry, { budget, capacity }: Server): void {
  new Gauge({
    name: 'tcp_server_process_connections_limit',
    help: 'Maximum open connections of all listeners together; +Inf = no limit.',
    registers: [registry],
    collect() {
      this.set(capacity.limit)
    },
  })
  new Gauge({
    name: 'tcp_server_held_bytes',
    help: 'Memory that counts against tcp_server_buffered_bytes_limit: replies that slow readers have not taken, requests that wait behind them, and unfinished handshakes.',
    registers: [registry],
    collect() {
      this.set(budget.bytes)
    },
  })
  new Gauge({
    name: 'tcp_server_buffered_bytes_limit',
    help: 'Memory that all connections together may hold for slow readers; +Inf = no limit.',
    registers: [registry],
    collect() {
      this.set(budget.limitBytes)
    },
  })
}

function registerTls(metrics: ScrapedMetrics<Listener>): void {
  metrics.counterByReason(
    'tcp_server_tls_handshake_failures_total',
    'Failed TLS handshakes, by reason.',
    ({ counters }) => counters.handshakeFailures,
  )
  metrics.gauge(
    'tcp_server_certificate_expiry_timestamp_seconds',
    'Earliest expiry of the certificates in use.',
    ({ tls }) => (tls?.expiresAtMs ?? 0) / 1_000,
  )
  metrics.counter(
    'tcp_server_certificate_reload_failures_total',
    'Failed reloads of changed certificates; the previous ones stay in use.',
    ({ counters }) => counters.certificateReloadFailures,
  )
}

function registerDurations(registry: Registry, { listeners, events }: Server): void {
  const durations = new Map(listeners.map(listener => [listener, [] as number[]]))
  const duration = new Histogram({
    name: 'tcp_server_connection_duration_seconds',
    help: 'Duration of closed connections, from accept to close.',
    labelNames: ['listener'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
    collect() {
      for (const listener of listeners) observe(listener)
    },
  })
  // In batches: observing one by one costs more than all other counting per connection.
  const observe = (listener: Listener) => {
    for (const seconds of durations.get(listener)?.splice(0) ?? []) duration.observe({ listener: listener.label }, seconds)
  }
  const handshake = new Histogram({
    name: 'tcp_server_tls_handshake_duration_seconds',
    help: 'Duration of successful TLS handshakes.',
    labelNames: ['listener'],
    buckets: HANDSHAKE_BUCKETS,
    registers: [registry],
  })
  for (const { label, encrypted } of listeners) {
    duration.zero({ listener: label })
    if (encrypted) handshake.zero({ listener: label })
  }
  events.on('closed', (listener, { durationMs }) => {
    const unobserved = durations.get(listener)
    if (unobserved?.push(durationMs / 1_000) === MAX_UNOBSERVED) observe(listener)
  })
  events.on('handshake', ({ label }, durationMs) => handshake.observe({ listener: label }, durationMs / 1_000))
}
