import {
  boolean,
  count,
  defineSettings,
  duration,
  environmentName,
  integer,
  oneOf,
  optional,
  optionName,
  positiveDuration,
  sizes,
  text,
  type Values,
} from '@nihao/service'
import { commonSettings } from './common.ts'
import type { Mode, ModeConfig } from './mode.ts'
import { adminSettings, sourceSettings } from './shared.ts'

const settings = defineSettings({
  ...commonSettings,
  interval: {
    doc: 'Interval at which a session starts exchanges.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  },
  connections: {
    doc: 'Sessions with each target. Each keeps a connection open and has its own schedule of exchanges.',
    format: count,
    default: '1',
    perEndpoint: true,
  },
  fresh: {
    doc: 'Also open a new connection at every interval, for one exchange.',
    format: boolean,
    default: 'false',
    perEndpoint: true,
  },
  sizes: {
    doc: 'Sizes of the requests, line end included (probe: of the payload), instead of the message: each session goes through them in turn.',
    format: optional(sizes),
    default: '',
    perEndpoint: true,
  },
  resolve: {
    doc: "Which addresses of a target's host name to use: first = the first that accepts a connection; all = sessions with each address.",
    format: oneOf('first', 'all'),
    default: 'first',
    perEndpoint: true,
  },
  resolveInterval: {
    doc: 'Interval of host name lookups with resolve=all.',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  },
  peers: {
    doc: 'How many of the addresses to use with resolve=all: each client chooses its own by rendezvous hashing of identity and address; empty = all.',
    format: optional(integer(1, 1_000_000)),
    default: '',
    perEndpoint: true,
  },
  skipSelf: {
    doc: 'With resolve=all, leave out the own addresses of this machine, and servers with the identity of this client (probe).',
    format: boolean,
    default: 'false',
    perEndpoint: true,
  },
  peerLabel: {
    doc: 'With resolve=all, metrics of each peer: none, or labelled with its address or with the name of its server (probe; until the first connection, its address).',
    format: oneOf('none', 'address', 'server'),
    default: 'none',
    perEndpoint: true,
  },
  maxPeers: {
    doc: 'Maximum peers of a target with metrics of their own; all others together are labelled other.',
    format: count,
    default: '100',
    perEndpoint: true,
  },
  identity: {
    doc: 'Name of this client, by which it chooses its peers and recognizes its own server; empty = the host name.',
    format: text,
    default: '',
  },
  ...sourceSettings,
  summaryInterval: {
    doc: 'Interval of summaries in the log; 0s = no summaries.',
    format: duration,
    default: '10s',
  },
  duration: {
    doc: 'Time after which the client stops and reports; 0s = until stopped, without a report.',
    format: duration,
    default: '0s',
  },
  report: {
    doc: 'Format of the report on stdout, with a duration.',
    format: oneOf('text', 'json', 'junit', 'tap'),
    default: 'text',
  },
  maxOutage: {
    doc: 'Threshold: maximum length of an outage; requires a duration.',
    format: optional(duration),
    default: '',
  },
  maxLost: {
    doc: 'Threshold: maximum failed exchanges with a target; requires a duration.',
    format: optional(count),
    default: '',
  },
  maxP99: {
    doc: 'Threshold: maximum 99th percentile of the latency from the intended start; requires a duration.',
    format: optional(positiveDuration),
    default: '',
  },
  ...adminSettings,
})

export type ProbeValues = Values<typeof settings>
export type ProbeConfig = ModeConfig<'probe', ProbeValues>

const PEER_OPTIONS = (['peers', 'skipSelf', 'peerLabel', 'maxPeers'] as const).map(optionName)

export const probeMode: Mode<'probe', ProbeValues> = {
  name: 'probe',
  summary: 'exchange messages on a schedule, until stopped or for a time; report every outage',
  settings,
  validateTarget({ endpoint: { protocol, options }, values: { connections, fresh, sizes, maxMessage, resolve } }) {
    const problems = connections === 0 && !fresh ? ['nothing to do: connections is 0 and fresh is false'] : []
    if (resolve !== 'all') {
      const unused = PEER_OPTIONS.filter(option => options.has(option))
      problems.push(...unused.map(option => `option "${option}" requires resolve=all`))
    }
    if (sizes === null) return problems
    if (protocol === 'probe' && sizes.some(bytes => bytes > maxMessage)) problems.push('a size is larger than max-message')
    if (protocol === 'chargen') problems.push('sizes are of requests, which chargen does not have')
    return problems
  },
  validate({ duration, maxOutage, maxLost, maxP99 }) {
    const thresholds = Object.entries({ maxOutage, maxLost, maxP99 }).filter(([, limit]) => limit !== null)
    return duration > 0 ? [] : thresholds.map(([name]) => `${environmentName(name)} requires ${environmentName('duration')}`)
  },
}
