import convict from 'convict'
import type { CommandLine } from './command-line.ts'
import { enumerate, type Format } from './formats.ts'

/** One setting. Help texts and documentation are generated from it. */
export interface Setting<Value> {
  readonly doc: string
  readonly format: Format<Value>
  /** In the syntax of the format. */
  readonly default: string
  /** True if an endpoint URL can override it for that endpoint (`?idle-timeout=5s`); `only` if nothing else can set it. */
  readonly perEndpoint?: boolean | 'only'
  /** True if the flag can be repeated; its values are joined into one list. */
  readonly repeatable?: boolean
}

/** A table of settings by camelCase name; `idleTimeout` is NIHAO_IDLE_TIMEOUT, `--idle-timeout` and `?idle-timeout=`. */
export type Settings<Values> = { readonly [Name in keyof Values]: Setting<Values[Name]> }

/** Any table of settings, where the types of the values don't matter. */
export type AnySettings = Settings<Readonly<Record<string, unknown>>>

/** The values of a table of settings. */
export type Values<Table> = Table extends Settings<infer Values> ? { readonly [Name in keyof Values]: Values[Name] } : never

/** Checks the types of a table where it is written. */
export const defineSettings = <Values>(settings: Settings<Values>): Settings<Values> => settings

/** An unusable configuration. Each problem names the setting, its value and what is valid. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

export interface Source {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The arguments after the program's name. */
  readonly args: readonly string[]
}

/** The result of reading a table of settings. */
export interface Reading<Values> {
  readonly values: Values
  /** The arguments that are not flags. */
  readonly words: readonly string[]
  /** Empty if everything is valid; an invalid setting has its default value. */
  readonly problems: string[]
  /** The name to use in errors: the flag if it was given, otherwise the variable. */
  readonly sourceOf: (name: string) => string
  /** The tables of the program's other commands. */
  readonly otherCommands: Readonly<Record<string, AnySettings>>
}

const kebabCase = (name: string) => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

export const optionName = kebabCase
export const flagName = (name: string) => `--${kebabCase(name)}`
export const environmentName = (name: string) => `NIHAO_${kebabCase(name).replaceAll('-', '_').toUpperCase()}`

/** The settings that have a flag and a variable. */
export const processSettings = (settings: AnySettings) =>
  Object.entries(settings).filter(([, { perEndpoint }]) => perEndpoint !== 'only')

/** The environment variables of a table. */
export const variablesOf = (settings: AnySettings) => processSettings(settings).map(([name]) => environmentName(name))

/**
 * Reads all settings from the environment and the command line; the command line takes precedence. Never throws for invalid input.
 * @param otherCommands the tables of the program's other commands: their flags are rejected, their variables are not read
 */
export function readSettings<Values>(
  settings: Settings<Values>,
  env: Source['env'],
  commandLine: CommandLine,
  otherCommands: Readonly<Record<string, AnySettings>> = {},
): Reading<Values> {
  const table = settings as AnySettings
  const entries = processSettings(table)
  const problems: string[] = []
  const flags = readFlags(entries, commandLine, otherCommands, problems)
  const sourceOf = (name: string) => (flags.has(name) ? flagName(name) : environmentName(name))

  const schema = convict<Record<string, string>>(
    Object.fromEntries(
      entries.map(([name, { doc, format, default: text }]) => {
        const check = (value: string) => {
          if (format.parse(value) === undefined) problems.push(`${sourceOf(name)}: ${invalid(format, value)}`)
        }
        return [name, { doc, format: check, default: text, env: environmentName(name) }]
      }),
    ),
    { env: { ...env, ...asVariables(flags) } as NodeJS.ProcessEnv, args: [] },
  )
  schema.validate({ allowed: 'strict' })

  const values = Object.entries(table).map(([name, { format, default: text, perEndpoint }]) => {
    const value = perEndpoint === 'only' ? undefined : format.parse(schema.get(name))
    return [name, value === undefined ? format.parse(text) : value]
  })
  const { words } = commandLine
  return { values: Object.freeze(Object.fromEntries(values)), words, problems, sourceOf, otherCommands }
}

const asVariables = (flags: ReadonlyMap<string, string>) =>
  Object.fromEntries([...flags].map(([name, value]) => [environmentName(name), value]))

/** The error text for an invalid value: the value, and what is valid. */
export const invalid = ({ name = 'value', valid }: Format<unknown>, value: string): string =>
  `invalid ${name} ${quote(value)}: must be ${valid}`

/** Quotes a value for an error: on one line, truncated to 100 characters. */
export const quote = (value: string): string => JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)

/** Reads the flags, by camelCase name of their settings. */
function readFlags(
  entries: ReturnType<typeof processSettings>,
  { flags }: CommandLine,
  otherCommands: Reading<unknown>['otherCommands'],
  problems: string[],
): Map<string, string> {
  const own = new Map(entries.map(([name, setting]) => [flagName(name), { name, ...setting }]))
  const read = new Map<string, string>()
  for (const [flag, values] of flags) {
    const setting = own.get(flag)
    const given = values.filter(value => value !== undefined)
    const owners = commandsWith(otherCommands, (name, { perEndpoint }) => flagName(name) === flag && perEndpoint !== 'only')
    if (setting === undefined && owners !== '') problems.push(`${flag} is a setting of ${owners} only`)
    else if (setting === undefined) problems.push(`unknown flag ${flag}: see --help`)
    else if (given.length < values.length) problems.push(`${flag} requires a value: see --help`)
    else if (given.length > 1 && !setting.repeatable) problems.push(`${flag} is given more than once`)
    else read.set(setting.name, given.join(' '))
  }
  return read
}

/** Names the commands that have a matching setting; empty if there are none. */
export function commandsWith(
  commands: Reading<unknown>['otherCommands'],
  matches: (name: string, setting: Setting<unknown>) => boolean,
): string {
  const tables = Object.entries(commands).filter(([, table]) =>
    Object.entries(table).some(([name, setting]) => matches(name, setting)),
  )
  return enumerate(
    tables.map(([command]) => command),
    'and',
  )
}
