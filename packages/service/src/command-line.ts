/** The arguments of a program. Every flag except help and version takes a value. */
export interface CommandLine {
  /** The values of each flag in order, by flag name with dashes; undefined where the value is missing. */
  readonly flags: ReadonlyMap<string, readonly (string | undefined)[]>
  /** The arguments that are not flags. */
  readonly words: readonly string[]
  /** Print this instead of running. */
  readonly request: 'help' | 'version' | undefined
}

const REQUESTS = new Map<string, 'help' | 'version'>([
  ['-h', 'help'],
  ['--help', 'help'],
  ['help', 'help'],
  ['-V', 'version'],
  ['--version', 'version'],
  ['version', 'version'],
])

/** Splits arguments into flags (`--name value` or `--name=value`) and words. Everything after `--` is a word. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const flags = new Map<string, (string | undefined)[]>()
  const words: string[] = []
  let request: CommandLine['request']
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const requested = REQUESTS.get(argument)
    if (argument === '--') words.push(...rest.splice(0))
    else if (requested !== undefined) request ??= requested
    else if (!argument.startsWith('-')) words.push(argument)
    else {
      const [, name = argument, inline] = /^(--[^=]+)=(.*)$/s.exec(argument) ?? []
      const value = inline ?? (rest[0]?.startsWith('-') ? undefined : rest.shift())
      flags.set(name, [...(flags.get(name) ?? []), value])
    }
  }
  return { flags, words, request }
}
