import { ScrapedMetrics } from '@nihao/service'
import { Gauge, Histogram, type Registry } from 'prom-client'
import type { Listener } from './listener.ts'
import type { Server } from './server.ts'

/** 10 ms to a day, seconds. */
const DURATION_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400]

/** So many durations wait at most for somebody to scrape. */
const UNOBSERVED = 1_000
/** 1 ms to 10 s, seconds. */
const HANDSHAKE_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

/** Registers the server's metrics. All but the durations are read from the listeners' counters when somebody scrapes. */
export function registerMetrics(registry: Registry, server: Server): void {
  const registers = [registry]
  const { listeners } = server

  const metrics = new ScrapedMetrics(registry, 'listener', listeners, ({ label }) => label)
  metrics.gauge(
    'tcp_server_connections_active',
    'Connections that are open, those in their TLS handshake included.',
    listener => listener.active,
  )
  metrics.counter('tcp_server_connections_opened_total', 'Connections that were accepted.', listener => listener.opened)
  metrics.counterByReason(
    'tcp_server_connections_closed_total',
    'Accepted connections that ended, by reason.',
    listener => listener.closed,
  )
  metrics.counterByReason(
    'tcp_server_connections_rejected_total',
    'Connections that were refused, by reason.',
    listener => listener.rejected,
  )
  metrics.gauge(
    'tcp_server_connections_limit',
    'Connections that may be open at once; +Inf = no limit.',
    listener => listener.limit,
  )
  metrics.counter('tcp_server_received_bytes_total', 'Bytes received.', listener => listener.totals().receivedBytes)
  metrics.counter(
    'tcp_server_sent_bytes_total',
    'Bytes handed to the kernel for sending.',
    listener => listener.totals().sentBytes,
  )
  metrics.counter(
    'tcp_server_messages_total',
    'Messages received: lines for greet, PINGs for probe, reads for the others.',
    listener => listener.totals().messages,
  )
  metrics.counterByReason(
    'tcp_server_faults_total',
    'Faults that were made because the settings say so, by kind.',
    listener => listener.faults?.made ?? {},
  )
  metrics.counterByReason('tcp_server_protocol_errors_total', 'Ways in which peers left the protocol (probe).', listener => ({
    ...listener.protocolErrors,
    corrupt: listener.totals().corrupt,
  }))
  metrics.counter(
    'tcp_server_read_pauses_total',
    'Times that reading from a connection stopped because its peer did not take the replies.',
    listener => listener.totals().readPauses,
  )
  metrics.gauge('tcp_server_buffered_bytes', 'Bytes that wait for peers to read them.', listener => {
    let bytes = 0
    for (const connection of listener.connections) bytes += connection.bufferedBytes
    return bytes
  })
  const secure = listeners.filter(({ tls }) => tls !== undefined)
  const secureMetrics = new ScrapedMetrics(registry, 'listener', secure, ({ label }) => label)
  secureMetrics.counterByReason(
    'tcp_server_tls_handshake_failures_total',
    'TLS handshakes that failed, by reason.',
    listener => listener.handshakeFailures,
  )
  secureMetrics.gauge(
    'tcp_server_certificate_expiry_timestamp_seconds',
    'When the first of the certificates in use expires.',
    listener => (listener.tls?.expiresAtMs ?? 0) / 1_000,
  )
  new Gauge({
    name: 'tcp_server_draining',
    help: '1 while the server leaves without cutting anyone off, else 0.',
    registers,
    collect() {
      this.set(server.draining ? 1 : 0)
    },
  })

  const durations = new Map(listeners.map(listener => [listener, [] as number[]]))
  const duration = new Histogram({
    name: 'tcp_server_connection_duration_seconds',
    help: 'Time from accept to close of the connections that ended.',
    labelNames: ['listener'],
    buckets: DURATION_BUCKETS,
    registers,
    collect() {
      for (const listener of listeners) observe(listener)
    },
  })
  // Observed many at a time: one by one it costs more than all other counting of a connection.
  const observe = (listener: Listener) => {
    for (const seconds of durations.get(listener)?.splice(0) ?? []) duration.observe({ listener: listener.label }, seconds)
  }
  for (const { label } of listeners) duration.zero({ listener: label })
  server.onClose((listener, { openedAtMs }) => {
    const unobserved = durations.get(listener)
    if (unobserved?.push((performance.now() - openedAtMs) / 1_000) === UNOBSERVED) observe(listener)
  })

  const handshake = new Histogram({
    name: 'tcp_server_tls_handshake_duration_seconds',
    help: 'Time that the TLS handshakes took that came to a good end.',
    labelNames: ['listener'],
    buckets: HANDSHAKE_BUCKETS,
    registers,
  })
  for (const { label } of secure) handshake.zero({ listener: label })
  server.onHandshake(({ label }, durationMs) => handshake.observe({ listener: label }, durationMs / 1_000))
}
