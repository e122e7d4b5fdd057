import { closeLog, type Logger } from './logger.ts'

/** The exit codes of all programs; one that a signal ended has 128 + its number. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notConnected: 3,
  connectionLost: 4,
  wrongBytes: 5,
  SIGINT: 130,
  SIGTERM: 143,
} as const

/**
 * Waits for SIGINT or SIGTERM, stops the service once, and ends the process with the exit code that `stop` gives. A second signal ends it at once
 * (130 or 143): whoever asks twice does not want to wait.
 */
export function stopOnSignal(logger: Logger, stop: (signal: NodeJS.Signals) => Promise<number>): void {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) {
        logger.warn({ signal }, 'second signal: ending at once')
        exit(logger, EXIT[signal])
        return
      }
      stopping = true
      logger.info({ signal }, 'stopping')
      stop(signal).then(
        code => exit(logger, code),
        error => fail(logger, error, 'could not stop'),
      )
    })
  }
}

/** Ends the process with its reason in the log. */
function fail(logger: Logger, error: unknown, message: string): void {
  logger.fatal({ error }, message)
  exit(logger, EXIT.failed)
}

/** Ends the process when the log is written. A reader of stdout that does not read can't hold it. */
export function exit(logger: Logger, code: number): void {
  setTimeout(() => {
    // pino's last act at exit is to write what is left, and to wait for the reader as long as that takes.
    process.removeAllListeners('exit')
    process.exit(code)
  }, 1_000)
  closeLog(logger, () => process.exit(code))
}
