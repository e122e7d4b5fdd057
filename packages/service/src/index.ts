/**
 * What every service needs around its work.
 *
 * - command.ts          a program from its command line on: help, version, wrong settings
 * - settings.ts         the table of settings: environment, flags, URL options, help
 * - formats.ts          how durations, sizes, ports … are written
 * - flood-log.ts        sums in the place of many lines that say the same
 * - logger.ts           JSON lines on stdout
 * - metrics.ts          the registry and what both services put into it
 * - kernel-sockets.ts   what the kernel knows of each connection
 * - event-loop-monitor.ts   when this process stood still
 * - kernel-counters.ts  what the kernel knows of the network namespace
 * - admin.ts            health, metrics and state over HTTP
 * - listen.ts          binding, with errors that people understand
 * - lifecycle.ts        signals and exit codes
 */
export { type AdminOptions, checkHealth, json, type Page, startAdmin } from './admin.ts'
export { type Command, runCommand } from './command.ts'
export { EventLoopMonitor, type Stall } from './event-loop-monitor.ts'
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
export { type KernelSocket, KernelSockets, type KernelTimer, type SocketAddresses } from './kernel-sockets.ts'
export { EXIT, exit, stopOnSignal } from './lifecycle.ts'
export { ListenError, listen } from './listen.ts'
export { createLogger, type Logger, logLevel } from './logger.ts'
export { createRegistry, ScrapedMetrics } from './metrics.ts'
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
