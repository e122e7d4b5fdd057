import {
  boolean,
  ConfigError,
  type Configured,
  count,
  duration,
  logLevel,
  nonEmptyText,
  oneOf,
  pattern,
  port,
  positiveDuration,
  readEndpoints,
  readSettings,
  type Setting,
  type Source,
  size,
  someOf,
  text,
  type Values,
} from '@nihao/service'
import { type Endpoint, endpointUrl, parseEndpoints } from '@nihao/wire'
import { type CheckName, checkNames, selectChecks } from './check/names.ts'

export type ModeName = 'probe' | 'load' | 'check' | 'idle'

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
  summaryInterval: {
    doc: 'Time between two summary lines in the log; 0s = none.',
    format: duration,
    default: '10s',
  } as Setting<number>,
  report: {
    doc: 'The form of the report on stdout (check).',
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
 * @throws {ConfigError} with everything that is wrong, at once
 */
export function readConfig({ env, args }: Source): ClientConfig {
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
    if (seen.has(url)) mistake('given twice')
    seen.add(url)
  }
  if (values.mode === 'check' && selectChecks(values.only, values.skip).length === 0) {
    mistakes.push('NIHAO_ONLY, NIHAO_SKIP: they leave no check to make')
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze({ ...values, targetConfigs })
}
