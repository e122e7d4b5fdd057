import {
  counter,
  EventLog,
  eventsPage,
  FloodLog,
  History,
  historyPage,
  LatencyBuckets,
  level,
  type PageOf,
  percentile,
} from '@nihao/service'
import { clientEventKinds, type EventFields } from './client-events.ts'
import type { NewObserver } from './observer.ts'
import type { Target } from './target.ts'

/** The figures of a target in each cell of its history. */
export const targetColumns = {
  exchanges: counter,
  failures: counter,
  /** Outages that began. */
  outages: counter,
  /** Sessions that have an outage. */
  failing: level,
  /** Time during which no session worked; a cell may have more than its length, because an outage is noticed after it began. */
  downMs: counter,
  handovers: counter,
  p1Ms: percentile(0.01),
  p50Ms: percentile(0.5),
  p99Ms: percentile(0.99),
  maxMs: percentile(1),
}
export type TargetHistory = History<keyof typeof targetColumns>

const FLOOD_WINDOW_MS = 60_000

/** What the client remembers of its targets: their history and the last events. */
export class Records {
  readonly events = new EventLog(clientEventKinds)
  readonly #latencies = new Map<string, LatencyBuckets>()

  /** Also takes what these observers are given. */
  observe(newObserver: NewObserver): NewObserver {
    return (label, protocol) => {
      const observer = newObserver(label, protocol)
      const latencies = new LatencyBuckets()
      this.#latencies.set(label, latencies)
      const differences = this.#differencesOf(label)
      return {
        ...observer,
        roundTrip: (durationMs, count) => {
          observer.roundTrip(durationMs, count)
          latencies.record(durationMs)
        },
        event: (kind, fields) => {
          if (kind === 'counters_differ') differences.add('', fields)
          else this.events.add(kind, label, fields)
        },
      }
    }
  }

  /** Begins the history of targets with these observers. */
  start(targets: readonly Target[]): TargetHistory {
    const history = new History({ columns: targetColumns, series: targets.map(target => this.#seriesOf(target)) })
    history.start()
    return history
  }

  #seriesOf({ label, statistics: { counters, availability } }: Target) {
    const figures = () => ({
      exchanges: counters.exchanges,
      failures: counters.failures(),
      outages: counters.outagesBegan(),
      failing: availability.failing,
      downMs: Math.round(availability.downMs()),
      handovers: counters.handovers,
    })
    return { label, figures, latencies: this.#latencies.get(label) as LatencyBuckets }
  }

  /** A broken network may make the counters of every connection differ. */
  #differencesOf(label: string): FloodLog<EventFields> {
    const add = (fields: EventFields) => this.events.add('counters_differ', label, fields)
    return new FloodLog({
      singles: 1,
      windowMs: FLOOD_WINDOW_MS,
      log: add,
      logSummary: (fields, connections) => add({ ...fields, connections }),
    })
  }
}

/** The admin pages that show the records. */
export function recordPages(history: TargetHistory, { events }: Records): Record<'/history' | '/events', PageOf> {
  return {
    '/history': historyPage(history, 'target', '/targets'),
    '/events': eventsPage(events, 'target', () => history.labels, '/targets'),
  }
}
