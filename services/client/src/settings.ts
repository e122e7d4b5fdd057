import {
  boolean,
  ConfigError,
  type Configured,
  count,
  duration,
  durations,
  list,
  logLevel,
  nonEmptyText,
  oneOf,
  optional,
  pattern,
  port,
  positiveDuration,
  readEndpoints,
  readSettings,
  type Setting,
  type SizeRange,
  type Source,
  size,
  sizeRange,
  someOf,
  text,
  type Values,
  wholeNumber,
  wholeSeconds,
} from '@nihao/service'
import { CredentialsError, type Endpoint, endpointUrl, parseEndpoints, readCredentials } from '@nihao/wire'
import { type CheckName, checkNames, selectChecks } from './check-names.ts'

export type ModeName = 'probe' | 'load' | 'check' | 'idle'

export type ArrivalsName = 'fixed' | 'poisson'

/** Every setting of the client. The README's table and `--help` are made from this one. */
export const settings = {
  mode: {
    doc: 'What to do; the first word of the command line says it as well.',
    format: oneOf('probe', 'load', 'check', 'idle'),
    default: 'probe',
  } as Setting<ModeName>,
  targets: {
    doc: 'Whom to talk to, and what: endpoint URLs, separated by blanks or commas.',
    format: text,
    default: 'greet://localhost:1234 probe://localhost:7000',
  } as Setting<string>,
  message: { doc: 'The text of each request.', format: text, default: '张三', perEndpoint: true } as Setting<string>,
  greeting: {
    doc: 'What a greet target puts in front of every line; empty for a server that only echoes.',
    format: text,
    default: '你好，',
    perEndpoint: true,
  } as Setting<string>,
  banner: {
    doc: 'Whether a text server sends a line of its own before everything else.',
    format: boolean,
    default: 'false',
    perEndpoint: true,
  } as Setting<boolean>,
  maxMessage: {
    doc: 'The largest payload of a frame (probe) that is taken from a server.',
    format: size,
    default: '1MiB',
    perEndpoint: true,
  } as Setting<number>,
  expectServer: {
    doc: 'What the name of the server must match (probe): another one answering counts as a failure; empty: any.',
    format: pattern,
    default: '',
    perEndpoint: true,
  } as Setting<RegExp>,
  ca: {
    doc: 'TLS: the file with the roots that the certificate of the server must come from (PEM); empty: those that Node trusts. Read again when it changes.',
    format: text,
    default: '',
    perEndpoint: true,
  } as Setting<string>,
  cert: {
    doc: 'TLS: the file with the own certificate, for servers that ask for one (PEM).',
    format: text,
    default: '',
    perEndpoint: true,
  } as Setting<string>,
  key: {
    doc: 'TLS: the file with the private key of that certificate (PEM).',
    format: text,
    default: '',
    perEndpoint: true,
  } as Setting<string>,
  servername: {
    doc: 'TLS: the name to ask for (SNI), which the certificate must have; empty: the host of the target.',
    format: text,
    default: '',
    perEndpoint: true,
  } as Setting<string>,
  alpn: {
    doc: 'TLS: names of protocols to ask for (ALPN), the preferred one first; empty: not negotiated.',
    format: list,
    default: '',
    perEndpoint: true,
  } as Setting<readonly string[]>,
  sendProxy: {
    doc: 'The version of the PROXY protocol to begin every connection with, telling this end of it.',
    format: oneOf('off', 'v1', 'v2'),
    default: 'off',
    perEndpoint: true,
  } as Setting<'off' | 'v1' | 'v2'>,
  interval: {
    doc: 'Time from the start of one exchange of a session to the start of its next.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  } as Setting<number>,
  timeout: {
    doc: 'Time for connecting, and time from the intended start of an exchange to the last byte of its reply.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  } as Setting<number>,
  connections: {
    doc: 'Sessions: connections that are kept open, each with exchanges on its own schedule.',
    format: count,
    default: '1',
    perEndpoint: true,
  } as Setting<number>,
  fresh: {
    doc: 'Besides the sessions, make a new connection for one exchange at each interval.',
    format: boolean,
    default: 'false',
    perEndpoint: true,
  } as Setting<boolean>,
  backoff: {
    doc: 'Before a session connects again it waits a random time up to this, which doubles with each failure.',
    format: positiveDuration,
    default: '100ms',
    perEndpoint: true,
  } as Setting<number>,
  backoffMax: {
    doc: 'Where the doubling of the backoff ends.',
    format: positiveDuration,
    default: '1s',
    perEndpoint: true,
  } as Setting<number>,
  resolve: {
    doc: 'Whom of the addresses of a name to probe: the first that takes a connection, or all, with sessions to each.',
    format: oneOf('first', 'all'),
    default: 'first',
    perEndpoint: true,
  } as Setting<'first' | 'all'>,
  resolveInterval: {
    doc: 'With resolve all: time between two look-ups of the name.',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  } as Setting<number>,
  rungs: {
    doc: 'idle: how long connections are silent, one connection each.',
    format: durations,
    default: '10s,30s,1m,2m,5m,10m,15m',
  } as Setting<readonly number[]>,
  keepAlive: {
    doc: 'idle: the silence after which connections of a second ladder send TCP keep-alive probes (ten in vain, 1s apart, end one); 0s = no second ladder.',
    format: wholeSeconds,
    default: '15s',
    perEndpoint: true,
  } as Setting<number>,
  repeat: {
    doc: 'idle: the pause before the ladders begin again, with metrics at the admin endpoint; 0s = they run once.',
    format: duration,
    default: '0s',
  } as Setting<number>,
  count: {
    doc: 'Exchanges to make with each target (load); 0 = as many as the duration allows. Without count and duration the load lasts 10s.',
    format: count,
    default: '0',
    perEndpoint: true,
  } as Setting<number>,
  duration: {
    doc: 'For how long exchanges are started (load); 0s = until the count is reached. Without count and duration the load lasts 10s.',
    format: duration,
    default: '0s',
  } as Setting<number>,
  warmUp: {
    doc: 'Time of load before the measured one (load): neither its exchanges nor its time count for anything but failed connections.',
    format: duration,
    default: '0s',
  } as Setting<number>,
  rate: {
    doc: 'Exchanges to start with each target per second, whatever became of those before (load, open loop); 0 = the next one as soon as a reply is there (closed loop).',
    format: count,
    default: '0',
    perEndpoint: true,
  } as Setting<number>,
  arrivals: {
    doc: 'How the starts of an open loop follow each other (load): at a fixed interval, or at random (a Poisson process).',
    format: oneOf('fixed', 'poisson'),
    default: 'fixed',
    perEndpoint: true,
  } as Setting<ArrivalsName>,
  depth: {
    doc: 'Exchanges that may be outstanding on one connection (load); those beyond wait, and their latency counts from when they should have started.',
    format: wholeNumber(1, 1_000_000),
    default: '1',
    perEndpoint: true,
  } as Setting<number>,
  size: {
    doc: 'Bytes of each request, its line end included (load; for probe: of its payload), in place of the message; of a range each size is as likely as any other.',
    format: optional(sizeRange),
    default: '',
    perEndpoint: true,
  } as Setting<SizeRange | null>,
  histogram: {
    doc: "File that gets the latency from the intended start, in ms, as a table for HdrHistogram's plotter (load); empty = none.",
    format: text,
    default: '',
  } as Setting<string>,
  maxP99: {
    doc: 'Threshold (load): the 99th percentile of the latency from the intended start may be at most this.',
    format: optional(positiveDuration),
    default: '',
  } as Setting<number | null>,
  maxFailures: {
    doc: 'Threshold (load): at most so many exchanges may fail. Given, it also allows for lost connections.',
    format: optional(count),
    default: '',
  } as Setting<number | null>,
  minRate: {
    doc: 'Threshold (load): at least so many exchanges must be answered per second.',
    format: optional(count),
    default: '',
  } as Setting<number | null>,
  summaryInterval: {
    doc: 'Time between two summary lines in the log; 0s = none.',
    format: duration,
    default: '10s',
  } as Setting<number>,
  report: {
    doc: 'The form of the report on stdout; junit and tap for check only.',
    format: oneOf('text', 'json', 'junit', 'tap'),
    default: 'text',
  } as Setting<'text' | 'json' | 'junit' | 'tap'>,
  only: { doc: 'The checks to make; none named: all of them (check).', format: someOf(...checkNames), default: '' } as Setting<
    readonly CheckName[]
  >,
  skip: { doc: 'The checks to leave out (check).', format: someOf(...checkNames), default: '' } as Setting<readonly CheckName[]>,
  wait: {
    doc: 'How long to wait at most for a first exchange with each target before the checks begin (check).',
    format: duration,
    default: '0s',
  } as Setting<number>,
  checkTimeout: {
    doc: 'The time that each check may take; connecting and a single exchange have the timeout of their own (check).',
    format: positiveDuration,
    default: '10s',
    perEndpoint: true,
  } as Setting<number>,
  checkIdle: {
    doc: 'How long the connection is silent that is to survive it (check).',
    format: positiveDuration,
    default: '3s',
    perEndpoint: true,
  } as Setting<number>,
  adminHost: { doc: 'Address of the admin HTTP endpoint.', format: nonEmptyText, default: '0.0.0.0' } as Setting<string>,
  adminPort: { doc: 'Port of the admin HTTP endpoint; 0 = any free one.', format: port, default: '9465' } as Setting<number>,
  logLevel: { doc: 'The least level that is logged.', format: logLevel, default: 'info' } as Setting<string>,
}

export type ClientValues = Values<typeof settings>

/** One endpoint to talk to, with the settings that hold for it. */
export type TargetConfig = Configured<typeof settings, Endpoint>

export type ClientConfig = ClientValues & { readonly targetConfigs: readonly TargetConfig[] }

/**
 * Reads `nihao-client [mode] [target …]` and the environment.
 * @param files whether to read the certificates as well: one that can't be used later on is no reason to stop
 * @throws {ConfigError} with everything that is wrong, at once
 */
export function readConfig({ env, args }: Source, { files = true } = {}): ClientConfig {
  const [first = '', ...rest] = args
  const reading = readSettings(settings, { env, args: /^[a-z]+$/.test(first) ? ['--mode', first, ...rest] : args })
  const { values, mistakes } = reading
  const targetConfigs = readEndpoints(settings, reading, 'targets', parseEndpoints, endpointUrl)
  const seen = new Set<string>()
  for (const { endpoint, values } of targetConfigs) {
    const url = endpointUrl(endpoint)
    const mistake = (what: string) => mistakes.push(`NIHAO_TARGETS: ${url}: ${what}`)
    if ('port' in endpoint.address && endpoint.address.port === 0) mistake('port 0 is no port to connect to')
    if (values.connections === 0 && !values.fresh) mistake('nothing to do: connections is 0 and fresh is false')
    else if (values.connections === 0 && values.mode === 'load') mistake('no load without connections')
    const { size, maxMessage } = values
    if (endpoint.protocol === 'probe' && size !== null && size.maximum > maxMessage) mistake('size is more than max-message')
    if (seen.has(url)) mistake('given twice')
    for (const what of tlsMistakes(endpoint, values, files)) mistake(what)
    seen.add(url)
  }
  if (values.mode !== 'check' && (values.report === 'junit' || values.report === 'tap')) {
    mistakes.push(`NIHAO_REPORT: ${values.report} is for check: expected text or json`)
  }
  if (values.mode === 'check' && selectChecks(values.only, values.skip).length === 0) {
    mistakes.push('NIHAO_ONLY, NIHAO_SKIP: they leave no check to make')
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze({ ...values, targetConfigs })
}

const TLS_OPTIONS = ['ca', 'cert', 'key', 'servername', 'alpn']

function tlsMistakes({ protocol, tls, options }: Endpoint, values: ClientValues, files: boolean): readonly string[] {
  if (!tls) {
    const useless = TLS_OPTIONS.filter(option => options.has(option))
    return useless.map(option => `option "${option}" is for TLS: write ${protocol}+tls://`)
  }
  if ((values.cert === '') !== (values.key === '')) return ['cert (NIHAO_CERT) and key (NIHAO_KEY) go together']
  try {
    if (files) readCredentials(values)
    return []
  } catch (error) {
    if (error instanceof CredentialsError) return error.mistakes
    throw error
  }
}
