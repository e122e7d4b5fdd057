/**
 * What every service needs around its work.
 *
 * - command.ts          runs a command: help, version, configuration errors
 * - command-line.ts     flags and words
 * - settings.ts         tables of settings, read from the environment and the command line
 * - endpoint-settings.ts  the settings of each endpoint: those of the process, overridden by URL options
 * - formats.ts          the syntax of durations, sizes, ports …
 * - list-formats.ts     the syntax of lists
 * - help.ts             the text of --help
 * - known-variables.ts  the variables of all programs, to warn of unknown ones
 * - flood-log.ts        sums in the place of many lines that say the same
 * - logger.ts           JSON lines on stdout
 * - metrics.ts          the registry and what both services put into it
 * - kernel-counters.ts  what the kernel knows of the network namespace
 * - admin.ts            health, metrics and state over HTTP
 * - listen.ts          binding, with errors that people understand
 * - lifecycle.ts        signals and exit codes
 */
export { type AdminOptions, checkHealth, json, type Page, startAdmin } from './admin.ts'
export { type Command, processSource, runCommand } from './command.ts'
export { type CommandLine, parseCommandLine } from './command-line.ts'
export { type Configured, readEndpoints } from './endpoint-settings.ts'
export { FloodLog, type FloodOptions } from './flood-log.ts'
export {
  type Amount,
  amount,
  boolean,
  choice,
  count,
  duration,
  type Format,
  file,
  fraction,
  integer,
  label,
  line,
  oneOf,
  optional,
  pattern,
  port,
  positiveDuration,
  type SizeRange,
  size,
  sizeRange,
  text,
  wholeSeconds,
} from './formats.ts'
export { formatName, helpText } from './help.ts'
export { knownVariables } from './known-variables.ts'
export { EXIT, exit, stopOnSignal } from './lifecycle.ts'
export { addressRanges, durations, endpointList, list, someOf } from './list-formats.ts'
export { ListenError, listen } from './listen.ts'
export { createLogger, type Logger, logLevel } from './logger.ts'
export { createRegistry, ScrapedMetrics } from './metrics.ts'
export {
  type AnySettings,
  ConfigError,
  defineSettings,
  environmentName,
  flagName,
  optionName,
  processSettings,
  quote,
  readSettings,
  type Setting,
  type Settings,
  type Source,
  type Values,
  variablesOf,
} from './settings.ts'
