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

const settings = defineSettings({
  ...commonSettings,
  connections: {
    doc: 'Connections to each target.',
    format: integer(1, 1_000_000),
    default: '1',
    perEndpoint: true,
  },
  count: {
    doc: 'Exchanges with each target; 0 = no limit. Without count and duration, the load lasts 10s.',
    format: count,
    default: '0',
    perEndpoint: true,
  },
  duration: {
    doc: 'Time during which exchanges are started; 0s = no limit.',
    format: duration,
    default: '0s',
  },
  warmUp: {
    doc: 'Time of load before the measurement; of it, only lost connections count.',
    format: duration,
    default: '0s',
  },
  rate: {
    doc: 'Exchanges started with each target per second, whether or not earlier ones have completed (open loop); 0 = each reply starts the next exchange (closed loop).',
    format: count,
    default: '0',
    perEndpoint: true,
  },
  arrivals: {
    doc: 'Arrival process of the open loop: a fixed interval, or random (a Poisson process).',
    format: oneOf('fixed', 'poisson'),
    default: 'fixed',
    perEndpoint: true,
  },
  depth: {
    doc: 'Maximum outstanding exchanges per connection; further ones wait, and the wait counts towards their latency.',
    format: integer(1, 1_000_000),
    default: '1',
    perEndpoint: true,
  },
  size: {
    doc: 'Size of each request, line end included (probe: size of the payload), instead of the message; sizes of a range are uniformly distributed.',
    format: optional(sizeRange),
    default: '',
    perEndpoint: true,
  },
  ...reconnectSettings,
  report: { doc: 'Format of the report on stdout.', format: oneOf('text', 'json'), default: 'text' },
  histogram: {
    doc: 'File for the latency distribution from the intended start, in ms, for the HdrHistogram plotter.',
    format: file,
    default: '',
  },
  maxP99: {
    doc: 'Threshold: maximum 99th percentile of the latency from the intended start.',
    format: optional(positiveDuration),
    default: '',
  },
  maxFailures: {
    doc: 'Threshold: maximum failed exchanges. If set, lost connections do not fail the load by themselves.',
    format: optional(count),
    default: '',
  },
  minRate: {
    doc: 'Threshold: minimum successful exchanges per second.',
    format: optional(count),
    default: '',
  },
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
