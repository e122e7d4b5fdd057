import { Counter, Gauge, type Registry, Summary } from 'prom-client'
import type { Target } from '../target.ts'
import type { PeerFigures } from './peer-set.ts'

const LABEL_NAMES = ['target', 'peer'] as const

/** Registers the series of peers, which are read at scrape time: six for each. */
export function registerPeers(registry: Registry, targets: readonly Target[]): void {
  const series = () =>
    targets.flatMap(({ label: target, peers }) =>
      (peers?.figures() ?? []).map(figures => ({ labels: { target, peer: figures.peer }, figures })),
    )
  const register = (
    Metric: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    value: (figures: PeerFigures) => number | undefined,
  ) => {
    const metric: Counter | Gauge = new Metric({
      name,
      help: `${help} (with peer-label).`,
      labelNames: LABEL_NAMES,
      registers: [registry],
      collect() {
        metric.reset()
        for (const { labels, figures } of series()) {
          const current = value(figures)
          if (current !== undefined) metric.inc(labels, current)
        }
      },
    })
  }
  register(
    Gauge,
    'tcp_client_peer_up',
    '1 if the last exchange with the peer succeeded, otherwise 0; other: 1 if this is so for each',
    ({ up }) => (up === undefined ? undefined : Number(up)),
  )
  registry.registerMetric(new RoundTrips(series))
  register(
    Counter,
    'tcp_client_peer_exchanges_total',
    'Completed exchanges with the peer, successful or failed',
    ({ totals }) => totals.exchanges,
  )
  register(Counter, 'tcp_client_peer_exchange_failures_total', 'Failed exchanges with the peer', ({ totals }) => totals.failures)
  register(
    Counter,
    'tcp_client_peer_outage_seconds_total',
    'Time during which no session with the peer worked, after its first success',
    ({ totals }) => totals.outageMs / 1_000,
  )
}

interface LabelledFigures {
  readonly labels: Readonly<Record<(typeof LABEL_NAMES)[number], string>>
  readonly figures: PeerFigures
}

/** A summary without quantiles, of sums that the peers keep themselves: two series for each instead of a histogram's twenty. */
class RoundTrips extends Summary<(typeof LABEL_NAMES)[number]> {
  readonly #series: () => readonly LabelledFigures[]

  constructor(series: () => readonly LabelledFigures[]) {
    super({
      name: 'tcp_client_peer_round_trip_seconds',
      help: 'Duration of successful exchanges with the peer from the time the request was sent, without quantiles (with peer-label).',
      labelNames: LABEL_NAMES,
      percentiles: [],
      registers: [],
    })
    this.#series = series
  }

  override async get() {
    const { name, ...metric } = await super.get()
    const values = this.#series().flatMap(({ labels, figures: { totals, answered } }) => [
      { metricName: `${name}_sum`, labels, value: totals.roundTripMs / 1_000 },
      { metricName: `${name}_count`, labels, value: answered },
    ])
    return { name, ...metric, values }
  }
}
