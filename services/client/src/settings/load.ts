import {
  count,
  defineSettings,
  duration,
  file,
  integer,
  oneOf,
  optional,
  positiveDuration,
  sizeRange,
  type Values,
} from '@nihao/service'
import { commonSettings } from './common.ts'
import type { Mode, ModeConfig } from './mode.ts'
import { reconnectSettings } from './shared.ts'

/** How results are written and judged. */
export const resultSettings = defineSettings({
  report: { doc: 'Format of the report on stdout.', format: oneOf('text', 'json'), default: 'text' },
  histogram: {
    doc: 'File for the distribution of latencies from the intended start, in ms, for the HdrHistogram plotter.',
    format: file,
    default: '',
  },
  maxP99: {
    doc: 'Threshold: maximum 99th percentile of latency from the intended start.',
    format: optional(positiveDuration),
    default: '',
  },
  maxFailures: {
    doc: 'Threshold: maximum failed exchanges. If set, lost connections alone do not fail the load.',
    format: optional(count),
    default: '',
  },
  minRate: {
    doc: 'Threshold: minimum successful exchanges per second.',
    format: optional(count),
    default: '',
  },
})

const settings = defineSettings({
  ...commonSettings,
  connections: {
    doc: 'Connections to each target.',
    format: integer(1, 1_000_000),
    default: '1',
    perEndpoint: true,
  },
  threads: {
    doc: 'Threads that share the connections and the rate, at most one per connection.',
    format: integer(1, 256),
    default: '1',
  },
  count: {
    doc: 'Exchanges with each target; 0 = no limit. If neither count nor duration is set, the load runs for 10s.',
    format: count,
    default: '0',
    perEndpoint: true,
  },
  duration: {
    doc: 'Time for which exchanges are started; 0s = no limit.',
    format: duration,
    default: '0s',
  },
  warmUp: {
    doc: 'Time of load before the measurement. Only lost connections are reported from it.',
    format: duration,
    default: '0s',
  },
  rate: {
    doc: 'Exchanges started per second with each target, regardless of replies (open loop); 0 = each reply starts the next exchange (closed loop).',
    format: count,
    default: '0',
    perEndpoint: true,
  },
  arrivals: {
    doc: 'Arrivals in the open loop: at a fixed interval, or at random (Poisson process).',
    format: oneOf('fixed', 'poisson'),
    default: 'fixed',
    perEndpoint: true,
  },
  depth: {
    doc: 'Maximum outstanding exchanges per connection. Others wait, and waiting counts towards their latency.',
    format: integer(1, 1_000_000),
    default: '1',
    perEndpoint: true,
  },
  size: {
    doc: 'Size of each request including its line end (on probe, of the payload), instead of a message. Sizes in a range are uniformly distributed.',
    format: optional(sizeRange),
    default: '',
    perEndpoint: true,
  },
  ...reconnectSettings,
  ...resultSettings,
})

export type LoadValues = Values<typeof settings>
export type LoadConfig = ModeConfig<'load', LoadValues>
export type ArrivalsName = LoadValues['arrivals']

export const loadMode: Mode<'load', LoadValues> = {
  name: 'load',
  summary: 'generate load for a time or a number of exchanges; report rates and latencies',
  settings,
  validateTarget: ({ endpoint: { protocol }, values: { size, maxMessage } }) =>
    protocol === 'probe' && size !== null && size.maximum > maxMessage ? ['size is larger than max-message'] : [],
}
