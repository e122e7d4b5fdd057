import { parseArgs } from 'node:util'
import convict from 'convict'
import type { Format } from './formats.ts'

/** One setting: all that there is to know about it stands here, and help texts and documents are made from it. */
export interface Setting<Value> {
  readonly doc: string
  readonly format: Format<Value>
  /** As a user would write it. */
  readonly default: string
  /** True when an endpoint URL may set it for that endpoint: `?idle-timeout=5s`. */
  readonly perEndpoint?: boolean
}

/** A service's settings by camelCase name; `idleTimeout` is NIHAO_IDLE_TIMEOUT, `--idle-timeout` and `?idle-timeout=`. */
export type Settings = Readonly<Record<string, Setting<unknown>>>

export type Values<S extends Settings> = { readonly [Name in keyof S]: S[Name] extends Setting<infer Value> ? Value : never }

/** A configuration that can't be used. Each mistake names the setting, its value and what would be valid. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

export interface Source {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The command line behind the program's name. */
  readonly args: readonly string[]
}

export interface Reading<S extends Settings> {
  readonly values: Values<S>
  /** The words of the command line that are no flags. */
  readonly words: readonly string[]
  /** Empty when everything was valid; a value that was not stands at its default. */
  readonly mistakes: string[]
}

const kebabCase = (name: string) => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

export const optionName = kebabCase
export const flagName = (name: string) => `--${kebabCase(name)}`
export const environmentName = (name: string) => `NIHAO_${kebabCase(name).replaceAll('-', '_').toUpperCase()}`

/** Reads all settings from the environment and, before it, the command line. Never throws for what a user wrote: it tells. */
export function readSettings<S extends Settings>(settings: S, { env, args }: Source): Reading<S> {
  const mistakes: string[] = []
  const names = Object.keys(settings)
  const { flags, words } = readFlags(names, args, mistakes)

  const schema = convict<Record<string, string>>(
    Object.fromEntries(
      Object.entries(settings).map(([name, { doc, format, default: text }]) => {
        const key = environmentName(name)
        const check = (value: string) => {
          if (format.parse(value) === undefined) throw new Error(`must be ${format.valid}`)
        }
        return [key, { doc, format: check, default: text, env: key }]
      }),
    ),
    { env: { ...env, ...flags } as NodeJS.ProcessEnv, args: [] },
  )
  try {
    schema.validate({ allowed: 'strict' })
  } catch (error) {
    mistakes.push(...(error as Error).message.split('\n'))
  }

  const values = Object.entries(settings).map(([name, setting]) => [
    name,
    setting.format.parse(schema.get(environmentName(name))) ?? setting.format.parse(setting.default),
  ])
  return { values: Object.freeze(Object.fromEntries(values)), words, mistakes }
}

function readFlags(names: readonly string[], args: readonly string[], mistakes: string[]) {
  const known = new Map(names.map(name => [kebabCase(name), environmentName(name)]))
  const options = Object.fromEntries([...known.keys()].map(flag => [flag, { type: 'string' as const }]))
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const flags: Record<string, string> = {}
  const words: string[] = []
  let unknown = false
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const variable = known.get(token.name)
    const missing = token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))
    unknown ||= variable === undefined
    if (variable === undefined) mistakes.push(`unknown flag ${token.rawName}: --help lists the flags`)
    else if (missing) mistakes.push(`${token.rawName} lacks its value: --help lists the flags`)
    else flags[variable] = token.value
  }
  // The value of an unknown flag would pass for a word.
  return { flags, words: unknown ? [] : words }
}

/** An endpoint with the settings that hold for it. */
export interface Configured<S extends Settings, Endpoint> {
  readonly endpoint: Endpoint
  readonly values: Values<S>
}

/**
 * Reads the endpoints that a setting, or the words of the command line in its place, names: each with the process-wide values,
 * overridden by the options of its URL. Mistakes are added to those of the reading.
 * @param parse throws an error with its `mistakes`
 */
export function readEndpoints<S extends Settings, Endpoint extends { readonly options: ReadonlyMap<string, string> }>(
  settings: S,
  reading: Reading<S>,
  name: keyof S & string,
  parse: (text: string) => Endpoint[],
  urlOf: (endpoint: Endpoint) => string,
): Configured<S, Endpoint>[] {
  const { values, words, mistakes } = reading
  try {
    return parse(words.join(' ') || String(values[name])).map(endpoint => ({
      endpoint,
      values: withOptions(settings, reading, urlOf(endpoint), endpoint.options),
    }))
  } catch (error) {
    const { mistakes: wrong, endpoints = [] } = error as { mistakes?: readonly string[]; endpoints?: readonly Endpoint[] }
    if (wrong === undefined) throw error
    for (const endpoint of endpoints) withOptions(settings, reading, urlOf(endpoint), endpoint.options)
    mistakes.push(...wrong.map(mistake => `${environmentName(name)}: ${mistake}`))
    return []
  }
}

function withOptions<S extends Settings>(
  settings: S,
  { values, mistakes }: Reading<S>,
  url: string,
  options: ReadonlyMap<string, string>,
): Values<S> {
  const overrides: Record<string, unknown> = {}
  const names = Object.keys(settings).filter(name => settings[name]?.perEndpoint)
  for (const [option, text] of options) {
    const name = names.find(name => optionName(name) === option)
    const format = settings[name ?? '']?.format
    const value = format?.parse(text)
    if (name !== undefined && value !== undefined) overrides[name] = value
    else if (format !== undefined) mistakes.push(`${url}: option "${option}" must be ${format.valid}: value was "${text}"`)
    else mistakes.push(`${url}: unknown option "${option}": expected ${names.map(optionName).join(', ')}`)
  }
  return Object.freeze({ ...values, ...overrides }) as Values<S>
}

/** Variables that look like settings and are none: a slip of the pen that would otherwise change nothing and say nothing. */
export function unknownVariables(settings: Settings, env: Source['env']): string[] {
  const known = new Set(Object.keys(settings).map(environmentName))
  return Object.keys(env).filter(name => name.startsWith('NIHAO_') && !known.has(name))
}

/** The text that `--help` prints. */
export function helpText(usage: string, settings: Settings): string {
  const lines = Object.entries(settings).flatMap(([name, { doc, format, default: text }]) => [
    `  ${flagName(name)}  (${environmentName(name)})`,
    `      ${doc}`,
    `      ${format.valid}; default: ${text === '' ? 'none' : text}`,
  ])
  return `${usage}\n\nSettings, by flag or by environment variable:\n\n${lines.join('\n')}\n\n  --help, --version\n`
}
