/**
 * Infrastructure shared by all services.
 *
 * - command.ts            runs a command: help, version, configuration errors
 * - command-line.ts       flags and words
 * - settings.ts           tables of settings, read from the environment and the command line
 * - endpoint-settings.ts  the settings of each endpoint: those of the process, overridden by URL options
 * - formats.ts            the syntax of durations, sizes, ports …
 * - list-formats.ts       the syntax of lists
 * - help.ts               the text of --help
 * - known-variables.ts    the variables of all programs, to warn about unknown ones
 * - logger.ts             JSON log lines
 * - log-output.ts         writes log lines without blocking the service
 * - line-queue.ts         log lines waiting to be written
 * - flood-log.ts          summaries instead of many similar log lines
 * - printable.ts          escapes text from the network
 * - write-report.ts       writes a report to stdout
 * - metrics.ts            the registry and the metrics shared by all services
 * - open-metrics.ts       metrics in OpenMetrics format
 * - kernel-counters.ts    the kernel's counters of the network namespace
 * - kernel-table.ts       rows of the kernel's tables of TCP sockets
 * - kernel-sockets.ts     the kernel's rows of connections
 * - kernel-listeners.ts   the kernel's rows of listeners
 * - event-loop-monitor.ts periods in which the event loop did not run
 * - expiry-watch.ts       reports certificates that expire soon
 * - admin.ts              health, metrics and state over HTTP
 * - admin-page.ts         the responses of the admin endpoint
 * - host-check.ts         protects an admin port on loopback from DNS rebinding
 * - page-query.ts         parameters of admin pages
 * - connections-page.ts   the connections that /connections shows
 * - page/                 the page of a program as HTML and SVG, exported as @nihao/service/page
 * - history/              what happened to each target or listener, in cells of seconds and minutes
 * - event-log.ts          the last events
 * - events-page.ts        the events that /events shows
 * - evict-connections.ts  a connection limit that evicts instead of rejecting
 * - healthcheck.ts        the HEALTHCHECK of the images
 * - listen.ts             binding with readable errors
 * - lifecycle.ts          signals and exit codes
 */
export { type AdminOptions, type PageOf, startAdmin } from './admin.ts'
export { json, type Page } from './admin-page.ts'
export { type Command, processSource, runCommand } from './command.ts'
export { type CommandLine, parseCommandLine } from './command-line.ts'
export { selectConnections } from './connections-page.ts'
export { type Configured, readEndpoints } from './endpoint-settings.ts'
export { type EventField, EventLog, type EventSelection, type LoggedEvent } from './event-log.ts'
export { EventLoopMonitor, type Stall } from './event-loop-monitor.ts'
export { eventsPage } from './events-page.ts'
export { ExpiryWatch } from './expiry-watch.ts'
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
export { type Columns, counter, largeCounter, largeLevel, level, percentile } from './history/column.ts'
export { History, type HistoryWindow, type Series, type Span, spans } from './history/history.ts'
export { historyPage } from './history/history-page.ts'
export { LatencyBuckets } from './history/latency-buckets.ts'
export { inSlices, SLICE } from './in-slices.ts'
export { KernelListeners } from './kernel-listeners.ts'
export { KernelSockets, type SocketAddresses } from './kernel-sockets.ts'
export type { KernelSocket, KernelTimer } from './kernel-table.ts'
export { knownVariables } from './known-variables.ts'
export { EXIT, exit, exitOnUncaughtError, stopOnSignal } from './lifecycle.ts'
export { addressRanges, durations, endpointList, list, sizes, someOf } from './list-formats.ts'
export { ListenError, listen } from './listen.ts'
export { closeLog, createLogger, type Logger, logLevel, logSerialized } from './logger.ts'
export { createRegistry, ScrapedMetrics } from './metrics.ts'
export { QueryError, readQuery } from './page-query.ts'
export { printable } from './printable.ts'
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
export { writeReport } from './write-report.ts'
