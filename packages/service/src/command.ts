import { EXIT, exitOnUncaughtError } from './lifecycle.ts'
import { createLogger, type Logger } from './logger.ts'
import { ConfigError, helpText, type Settings, type Source, unknownVariables } from './settings.ts'

/** A program of this project: what it is called, what can be set, and what it does. */
export interface Command<Config extends { readonly logLevel: string }> {
  readonly name: string
  readonly version: string
  /** What may stand behind the name on the command line. */
  readonly usage: string
  readonly settings: Settings
  /** @throws {ConfigError} with everything that is wrong, at once */
  readonly readConfig: (source: Source) => Config
  /** Where the log goes; stdout when left out. */
  readonly logTo?: (config: Config) => 'stdout' | 'stderr'
  readonly run: (config: Config, logger: Logger) => Promise<void>
}

/** Runs a command with this process' environment and command line: its only reader. */
export async function runCommand<Config extends { readonly logLevel: string }>(command: Command<Config>): Promise<void> {
  const { name, version, usage, settings, readConfig, logTo, run } = command
  const source = { env: process.env, args: process.argv.slice(2) }
  if (source.args.includes('--help')) {
    process.stdout.write(helpText(`Usage: ${name} ${usage}`, settings))
    return
  }
  if (source.args.includes('--version')) {
    process.stdout.write(`${version}\n`)
    return
  }
  try {
    const config = readConfig(source)
    const logger = createLogger(name, config.logLevel, logTo?.(config))
    exitOnUncaughtError(logger)
    const variables = unknownVariables(settings, source.env)
    if (variables.length > 0) logger.warn({ variables }, 'these variables are no settings of this service')
    await run(config, logger)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const mistake of error.mistakes) process.stderr.write(`${name}: ${mistake}\n`)
    process.exitCode = EXIT.usage
  }
}
