import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { registerKernelCounters } from './kernel-counters.ts'

/** A registry with what both services tell about themselves: build, process, Node and the kernel's TCP counters. */
export function createRegistry(service: string, version: string): Registry {
  const registry = new Registry()
  new Gauge({
    name: 'nihao_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['service', 'version', 'node'],
    registers: [registry],
  }).set({ service, version, node: process.versions.node }, 1)
  collectDefaultMetrics({ register: registry })
  registerKernelCounters(registry)
  return registry
}

/**
 * Metrics of things that keep their own counters, listeners or targets, each a series with its name as the label: read when somebody
 * scrapes, so that counting costs nothing. Things of one name add up.
 */
export class ScrapedMetrics<Thing> {
  readonly #registry: Registry
  readonly #label: string
  readonly #things: readonly Thing[]
  readonly #nameOf: (thing: Thing) => string

  constructor(registry: Registry, label: string, things: readonly Thing[], nameOf: (thing: Thing) => string) {
    this.#registry = registry
    this.#label = label
    this.#things = things
    this.#nameOf = nameOf
  }

  counter(name: string, help: string, value: (thing: Thing) => number): void {
    this.#register(Counter, name, help, [], thing => [[{}, value(thing)]])
  }

  gauge(name: string, help: string, value: (thing: Thing) => number): void {
    this.#register(Gauge, name, help, [], thing => [[{}, value(thing)]])
  }

  /** One series for each reason, from the start. */
  counterByReason(name: string, help: string, values: (thing: Thing) => Readonly<Record<string, number>>): void {
    this.#register(Counter, name, help, ['reason'], thing =>
      Object.entries(values(thing)).map(([reason, value]) => [{ reason }, value]),
    )
  }

  #register(
    Metric: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    labelNames: string[],
    samples: (thing: Thing) => [Record<string, string>, number][],
  ): void {
    const metric: Counter | Gauge = new Metric({
      name,
      help,
      labelNames: [this.#label, ...labelNames],
      registers: [this.#registry],
      collect: () => {
        metric.reset()
        for (const thing of this.#things) {
          for (const [labels, value] of samples(thing)) metric.inc({ [this.#label]: this.#nameOf(thing), ...labels }, value)
        }
      },
    })
  }
}
