import { parseCommandLine } from './command-line.ts'
import { unknownVariables } from './known-variables.ts'
import { EXIT, exitOnUncaughtError } from './lifecycle.ts'
import { createLogger, type Logger } from './logger.ts'
import { ConfigError, type Source } from './settings.ts'

/** A program, or one of its modes, as run from the command line. */
export interface Command<Config extends { readonly logLevel: string }> {
  /** Name of the program. */
  readonly name: string
  readonly version: string
  /** The output of `--help`. */
  readonly help: () => string
  /** @throws {ConfigError} with all problems at once */
  readonly readConfig: (source: Source) => Config
  /** Where the log is written; stdout by default. */
  readonly logTo?: (config: Config) => 'stdout' | 'stderr'
  readonly run: (config: Config, logger: Logger) => Promise<void>
}

/** The environment and arguments of this process. */
export const processSource = (): Source => ({ env: process.env, args: process.argv.slice(2) })

/** Runs a command, or prints its help or version if the command line requests that. */
export async function runCommand<Config extends { readonly logLevel: string }>(
  { name, version, help, readConfig, logTo, run }: Command<Config>,
  source: Source,
): Promise<void> {
  const { request } = parseCommandLine(source.args)
  if (request !== undefined) {
    process.stdout.write(request === 'help' ? help() : `${version}\n`)
    return
  }
  try {
    const config = readConfig(source)
    const logger = createLogger(name, config.logLevel, logTo?.(config))
    exitOnUncaughtError(logger)
    const variables = unknownVariables(source.env)
    if (variables.length > 0) logger.warn({ variables }, 'ignoring unknown NIHAO_* variables')
    await run(config, logger)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) process.stderr.write(`${name}: ${problem}\n`)
    process.exitCode = EXIT.usage
  }
}
