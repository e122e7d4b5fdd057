import { type Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
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

/** A total that is kept elsewhere, with the labels it is shown under. */
export type Sample = readonly [labels: Record<string, string>, value: number]

/** Replaces all series of a counter or gauge by the samples; those with the same labels add up. */
export function show(metric: Counter | Gauge, samples: Iterable<Sample>): void {
  metric.reset()
  for (const [labels, value] of samples) metric.inc(labels, value)
}
