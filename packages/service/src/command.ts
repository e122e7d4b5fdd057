import { parseCommandLine } from './command-line.ts'
import { unknownVariables } from './known-variables.ts'
import { EXIT, exitOnUncaughtError } from './lifecycle.ts'
import { createLogger, type Logger } from './logger.ts'
import { ConfigError, type Source } from './settings.ts'

/** A command of a program. */
export interface Command<Config extends { readonly logLevel: string }> {
  /** The program. */
  readonly name: string
  readonly version: string
  /** The text that `--help` prints. */
  readonly help: () => string
  /** @throws {ConfigError} with all problems at once */
  readonly readConfig: (source: Source) => Config
  /** Where the log is written; stdout by default. */
  readonly logTo?: (config: Config) => 'stdout' | 'stderr'
  readonly run: (config: Config, logger: Logger) => Promise<void>
}

/** This process' environment and arguments. */
export const processSource = (): Source => ({ env: process.env, args: process.argv.slice(2) })

/** Runs a command, or prints what the command line asks for instead. */
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
