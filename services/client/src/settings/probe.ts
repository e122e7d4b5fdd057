import { boolean, count, defineSettings, duration, oneOf, positiveDuration, type Values } from '@nihao/service'
import { commonSettings } from './common.ts'
import type { Mode, ModeConfig } from './mode.ts'
import { adminSettings } from './shared.ts'

const settings = defineSettings({
  ...commonSettings,
  interval: {
    doc: 'Time between the starts of two exchanges of a session.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  },
  connections: {
    doc: 'Sessions with each target: connections that are kept open, each with its own schedule of exchanges.',
    format: count,
    default: '1',
    perEndpoint: true,
  },
  fresh: {
    doc: 'Also open a new connection for one exchange at every interval.',
    format: boolean,
    default: 'false',
    perEndpoint: true,
  },
  resolve: {
    doc: "Addresses of a target's host name to use: first = the first that accepts a connection; all = sessions to each of them.",
    format: oneOf('first', 'all'),
    default: 'first',
    perEndpoint: true,
  },
  resolveInterval: {
    doc: 'Time between two lookups of the host name, with resolve=all.',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  },
  summaryInterval: {
    doc: 'Time between two summaries in the log; 0s = no summaries.',
    format: duration,
    default: '10s',
  },
  ...adminSettings,
})

export type ProbeValues = Values<typeof settings>
export type ProbeConfig = ModeConfig<'probe', ProbeValues>

export const probeMode: Mode<'probe', ProbeValues> = {
  name: 'probe',
  summary: 'exchange messages on a schedule until stopped; report every outage',
  settings,
  validateTarget: ({ values: { connections, fresh } }) =>
    connections === 0 && !fresh ? ['nothing to do: connections is 0 and fresh is false'] : [],
}
