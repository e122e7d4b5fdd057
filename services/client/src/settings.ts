import { isIP } from 'node:net'
import {
  type CommandLine,
  ConfigError,
  type Configured,
  parseCommandLine,
  quote,
  readEndpoints,
  readSettings,
  type Source,
} from '@nihao/service'
import { CredentialsError, type Endpoint, endpointUrl, parseEndpoints, protocols, readCredentials } from '@nihao/wire'
import { type CheckConfig, checkMode } from './settings/check.ts'
import { type CommonValues, commonSettings, type ModeName } from './settings/common.ts'
import { type IdleConfig, idleMode } from './settings/idle.ts'
import { type LoadConfig, loadMode } from './settings/load.ts'
import type { Mode, ModeConfig, TargetConfig } from './settings/mode.ts'
import { type ProbeConfig, probeMode } from './settings/probe.ts'

export type { CheckConfig, CheckValues } from './settings/check.ts'
export type { CommonValues, ModeName } from './settings/common.ts'
export type { IdleConfig, IdleValues } from './settings/idle.ts'
export type { ArrivalsName, LoadConfig, LoadValues } from './settings/load.ts'
export type { TargetConfig } from './settings/mode.ts'
export type { ProbeConfig, ProbeValues } from './settings/probe.ts'
export type { ReconnectValues } from './settings/shared.ts'

export const modes = { probe: probeMode, load: loadMode, check: checkMode, idle: idleMode }

export type ClientConfig = ProbeConfig | LoadConfig | CheckConfig | IdleConfig

interface Options {
  /** Whether to validate certificate files too; true by default. */
  readonly files?: boolean
}

/**
 * Reads `nihao-client [mode] [setting …] [target …]` and the environment.
 * @throws {ConfigError} with all problems at once
 */
export function readConfig(source: Source, options?: Options): ClientConfig {
  switch (selectMode(source)) {
    case 'probe':
      return readModeConfig(probeMode, source, options)
    case 'load':
      return readModeConfig(loadMode, source, options)
    case 'check':
      return readModeConfig(checkMode, source, options)
    case 'idle':
      return readModeConfig(idleMode, source, options)
  }
}

const isModeName = (name: string | undefined): name is ModeName => name !== undefined && Object.hasOwn(modes, name)

/** The mode on the command line; undefined if there is none or it does not exist. */
export function givenMode({ flags, words }: CommandLine): ModeName | undefined {
  return [words[0], ...(flags.get('--mode') ?? [])].find(isModeName)
}

/** The mode to run. For an unknown mode, this is the default mode, which reports the problem. */
export function selectMode({ env, args }: Source): ModeName {
  return givenMode(parseCommandLine(args)) ?? (isModeName(env.NIHAO_MODE) ? env.NIHAO_MODE : 'probe')
}

/**
 * Reads the configuration of one mode.
 * @throws {ConfigError} with all problems at once
 */
export function readModeConfig<Name extends ModeName, Values extends CommonValues>(
  mode: Mode<Name, Values>,
  { env, args }: Source,
  { files = true }: Options = {},
): ModeConfig<Name, Values> {
  const others = Object.values(modes).filter(({ name }) => name !== mode.name)
  const { commandLine, modeProblems } = takeMode(parseCommandLine(args))
  const reading = readSettings(
    mode.settings,
    env,
    commandLine,
    Object.fromEntries(others.map(other => [other.name, other.settings])),
  )
  const { values, problems } = reading
  const labels = new Set<string>()
  const targets = readEndpoints(mode.settings, reading, 'targets', {
    parse: parseEndpoints,
    urlOf: endpointUrl,
    validate: target => [
      ...targetProblems(target),
      ...(mode.validateTarget?.(target) ?? []),
      ...duplicateProblems(target, labels),
      ...tlsProblems(target, files),
    ],
  })
  const all = [...modeProblems, ...problems, ...(mode.validate?.(values) ?? [])]
  if (all.length > 0) throw new ConfigError(all)
  const targetConfigs = targets.flatMap(target => configsOf(target))
  return Object.freeze({ ...values, mode: mode.name, targetConfigs })
}

/** Treats a mode given as the first word like the flag --mode. */
function takeMode({ flags, words, request }: CommandLine) {
  const [word = '', ...targets] = words
  if (!/^[a-z]+$/.test(word)) return { commandLine: { flags, words, request }, modeProblems: [] }
  if (!isModeName(word)) {
    const problem = `unknown mode "${word}": must be ${commonSettings.mode.format.valid}`
    return { commandLine: { flags, words: targets, request }, modeProblems: [problem] }
  }
  const withMode = new Map([...flags, ['--mode', [word, ...(flags.get('--mode') ?? [])]] as const])
  return { commandLine: { flags: withMode, words: targets, request }, modeProblems: [] }
}

type Target = Configured<CommonValues, Endpoint>

/** Gives a target its label; one with both families is two. */
function configsOf<Values extends CommonValues>(target: Configured<Values, Endpoint>): TargetConfig<Values>[] {
  const { endpoint, values } = target
  const label = values.name ?? endpointUrl(endpoint)
  if (values.family !== 'both' || !hasHostName(endpoint)) return [{ ...target, label }]
  return ([4, 6] as const).map(family => ({
    ...target,
    values: Object.freeze({ ...values, family }),
    label: values.name === null ? `${label}?family=${family}` : `${label}-ipv${family}`,
  }))
}

const hasHostName = ({ address }: Endpoint) => 'host' in address && isIP(address.host) === 0

function targetProblems({ endpoint, values: { message } }: Target): string[] {
  const { protocol, address, options } = endpoint
  const problems: string[] = []
  if (options.has('family') && !hasHostName(endpoint)) problems.push('option "family" requires a host name')
  if ('port' in address && address.port === 0) problems.push('invalid port 0: must be an integer from 1 to 65535')
  if ('host' in address && address.host === '') problems.push('missing host: required for a target')
  if (protocols[protocol].text && /[\r\n]/.test(message)) {
    problems.push(`invalid message ${quote(message)}: must not contain line breaks, except on probe`)
  }
  return problems
}

/** @param labels of the previous targets; the label of this one is added */
function duplicateProblems(target: Target, labels: Set<string>): string[] {
  const own = configsOf(target).map(({ label }) => label)
  const duplicate = own.find(label => labels.has(label))
  for (const label of own) labels.add(label)
  if (duplicate === undefined) return []
  return [
    target.values.name === null
      ? 'given more than once: set a unique name for each, as in ?name=other'
      : `name "${duplicate}" is given more than once`,
  ]
}

const TLS_OPTIONS = ['ca', 'cert', 'key', 'servername', 'alpn']

function tlsProblems({ endpoint: { protocol, tls, options }, values }: Target, files: boolean): readonly string[] {
  if (!tls) {
    const unused = TLS_OPTIONS.filter(option => options.has(option))
    return unused.map(option => `option "${option}" requires TLS: use ${protocol}+tls://`)
  }
  if ((values.cert === '') !== (values.key === '')) return ['cert (NIHAO_CERT) and key (NIHAO_KEY) require each other']
  try {
    if (files) readCredentials(values)
    return []
  } catch (error) {
    if (error instanceof CredentialsError) return error.problems
    throw error
  }
}
