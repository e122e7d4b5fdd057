/**
 * What every service needs apart from its own work.
 *
 * - command.ts            a program's command line: help, version, invalid settings
 * - settings.ts           the table of settings: environment, flags, URL options, help
 * - formats.ts            how durations, sizes, ports … are written
 * - logger.ts             JSON log lines
 * - log-output.ts         writes log lines without ever blocking the service
 * - line-queue.ts         lines on their way to it
 * - flood-log.ts          summaries in place of many similar log lines
 * - printable.ts          escapes text from the network
 * - write-report.ts       a report on stdout
 * - metrics.ts            the registry and the metrics that all services share
 * - open-metrics.ts       the other text format of metrics
 * - kernel-counters.ts    the kernel's counters of the network namespace
 * - admin.ts              health, metrics and state over HTTP
 * - evict-connections.ts  a connection limit that turns no new connection away
 * - healthcheck.ts        the images' HEALTHCHECK
 * - listen.ts             binding, with readable errors
 * - lifecycle.ts          signals and exit codes
 */
export { type AdminOptions, json, type Page, startAdmin } from './admin.ts'
export { type Command, runCommand } from './command.ts'
export { FloodLog, type FloodOptions } from './flood-log.ts'
export {
  type Amount,
  addressRanges,
  amount,
  boolean,
  count,
  duration,
  durations,
  type Format,
  list,
  nonEmptyText,
  oneOf,
  optional,
  pattern,
  port,
  positiveDuration,
  type SizeRange,
  share,
  size,
  sizeRange,
  someOf,
  text,
  wholeNumber,
  wholeSeconds,
} from './formats.ts'
export { EXIT, exit, exitOnUncaughtError, stopOnSignal } from './lifecycle.ts'
export { ListenError, listen } from './listen.ts'
export { createLogger, type Logger, logLevel } from './logger.ts'
export { createRegistry, ScrapedMetrics } from './metrics.ts'
export { printable } from './printable.ts'
export {
  ConfigError,
  type Configured,
  environmentName,
  helpText,
  readEndpoints,
  readSettings,
  type Setting,
  type Settings,
  type Source,
  unknownVariables,
  type Values,
} from './settings.ts'
export { writeReport } from './write-report.ts'
