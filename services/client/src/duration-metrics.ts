import { Histogram, type Registry } from 'prom-client'
import type { Phase } from './connect/connector.ts'
import type { NewObserver } from './observer.ts'
import { sides } from './outages/evidence.ts'
import type { ServerTimesObserver } from './server-times.ts'

/** 50 µs to 26 s, doubling; seconds. */
const LATENCY_BUCKETS = Array.from({ length: 20 }, (_, power) => 50e-6 * 2 ** power)

/** The kernel retransmits a lost SYN after 1, 3 and 7 s: bounds on both sides make such handshakes stand out. */
const CONNECT_BUCKETS = [...LATENCY_BUCKETS, ...[1, 2, 3, 4, 7].flatMap(second => [second - 0.05, second + 0.05])].sort(
  (a, b) => a - b,
)

/** 10 ms to a day, seconds. */
const OUTAGE_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400]

/** Registers the histograms. @returns the observer that records the durations of a target */
export function registerDurations(registry: Registry): NewObserver {
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

  const newServerTimes = registerServerTimes(histogram)

  return (target, protocol) => {
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
      serverTimes: protocol === 'probe' ? newServerTimes(target) : undefined,
      outage: ({ durationMs, side, over }) => {
        if (over) outage.observe({ target, side }, durationMs / 1_000)
      },
    }
  }
}

type NewHistogram = (name: string, help: string, buckets: number[], ...labelNames: string[]) => Histogram

/** Registers what the times in PONGs show. */
function registerServerTimes(histogram: NewHistogram): (target: string) => ServerTimesObserver {
  const serverTime = histogram(
    'tcp_client_server_time_seconds',
    'Time that the server took for a request, including the time that its event loop was blocked (probe).',
    LATENCY_BUCKETS,
  )
  const excess = histogram(
    'tcp_client_one_way_excess_seconds',
    'Delay of each direction in excess of its minimum in the last five minutes (probe).',
    LATENCY_BUCKETS,
    'direction',
  )
  return target => {
    serverTime.zero({ target })
    for (const direction of ['to_server', 'from_server']) excess.zero({ target, direction })
    return {
      serverTime: durationMs => serverTime.observe({ target }, durationMs / 1_000),
      oneWayExcess(toServerMs, fromServerMs) {
        excess.observe({ target, direction: 'to_server' }, toServerMs / 1_000)
        excess.observe({ target, direction: 'from_server' }, fromServerMs / 1_000)
      },
    }
  }
}
