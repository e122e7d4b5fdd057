import { readdir } from 'node:fs/promises'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { registerKernelCounters } from './kernel-counters.ts'
import { droppedLogLines, type Logger } from './logger.ts'

/** Gauges of prom-client that end in `_total`, which only counters may. */
const MISNAMED_GAUGES = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/**
 * Each sample wakes the process: prom-client's default of 10 ms costs an idle service more than everything else it does. The reported
 * event loop lags include the interval.
 */
const EVENT_LOOP_SAMPLE_MS = 50

/** A registry with the metrics of every service: build, log, process, Node.js and the kernel's TCP counters. */
export function createRegistry(service: string, version: string, logger: Logger): Registry {
  const registry = new Registry()
  new Gauge({
    name: 'nihao_build_info',
    help: 'Always 1; the labels identify the build.',
    labelNames: ['service', 'version', 'node'],
    registers: [registry],
  }).set({ service, version, node: process.versions.node }, 1)
  new Counter({
    name: 'nihao_log_lines_dropped_total',
    help: 'Log lines dropped because the output did not accept them (disk full, reader slow or gone).',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(droppedLogLines(logger))
    },
  })
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS })
  for (const name of MISNAMED_GAUGES) registry.removeSingleMetric(name)
  if (process.platform === 'linux') registerOpenFiles(registry)
  registerKernelCounters(registry)
  return registry
}

/** Replaces the metric of prom-client, which blocks the event loop: listing 19,000 files takes 20 ms. */
function registerOpenFiles(registry: Registry): void {
  registry.removeSingleMetric('process_open_fds')
  new Gauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    registers: [registry],
    async collect() {
      const names = await readdir('/proc/self/fd').catch(() => undefined)
      // Without the one that lists the others.
      if (names !== undefined) this.set(names.length - 1)
    },
  })
}

type Values = Readonly<Record<string, number>>

/**
 * Metrics of things that keep their own counters, such as listeners or targets: one series per thing, labelled with its name and read
 * at scrape time.
 */
export class ScrapedMetrics<Thing> {
  readonly #registry: Registry
  readonly #label: string
  readonly #things: readonly Thing[]
  readonly #nameOf: (thing: Thing) => string

  /** @param nameOf must be unique: a scrape fails if two things have the same name, because one series can't show both */
  constructor(registry: Registry, label: string, things: readonly Thing[], nameOf: (thing: Thing) => string) {
    this.#registry = registry
    this.#label = label
    this.#things = things
    this.#nameOf = nameOf
  }

  counter(name: string, help: string, value: (thing: Thing) => number | Promise<number>): void {
    this.#register(Counter, name, help, [], async thing => [[{}, await value(thing)]])
  }

  /** A thing whose value is undefined has no series. */
  gauge(name: string, help: string, value: (thing: Thing) => number | undefined | Promise<number>): void {
    this.#register(Gauge, name, help, [], async thing => {
      const current = await value(thing)
      return current === undefined ? [] : [[{}, current]]
    })
  }

  /** One series per reason; all of them exist from the start. */
  counterByReason(name: string, help: string, values: (thing: Thing) => Values | Promise<Values>): void {
    this.#register(Counter, name, help, ['reason'], async thing =>
      Object.entries(await values(thing)).map(([reason, value]) => [{ reason }, value]),
    )
  }

  #register(
    Metric: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    labelNames: string[],
    samplesOf: (thing: Thing) => Promise<[Record<string, string>, number][]>,
  ): void {
    const metric: Counter | Gauge = new Metric({
      name,
      help,
      labelNames: [this.#label, ...labelNames],
      registers: [this.#registry],
      collect: async () => {
        const samples = await Promise.all(this.#things.map(samplesOf))
        // Scrapes may overlap: from here on, this one is not interrupted.
        metric.reset()
        const names = new Set<string>()
        for (const [index, thing] of this.#things.entries()) {
          const name = this.#nameOf(thing)
          if (names.has(name)) throw new Error(`duplicate metric label ${this.#label}="${name}"`)
          names.add(name)
          for (const [labels, value] of samples[index] ?? []) metric.inc({ [this.#label]: name, ...labels }, value)
        }
      },
    })
  }
}
