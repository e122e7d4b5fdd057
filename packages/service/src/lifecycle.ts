import { closeLog, type Logger } from './logger.ts'

/** Exit codes of both programs. A signal exits with 128 + its number. */
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
 * On SIGINT or SIGTERM, stops the service and exits with the code that `stop` resolves to. A second signal exits immediately
 * (130 or 143).
 */
export function stopOnSignal(logger: Logger, stop: (signal: NodeJS.Signals) => Promise<number>): void {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) {
        logger.warn({ signal }, 'second signal: exiting immediately')
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

/** Logs an uncaught error, which is a bug, and exits with code 1. Without this, the last log lines would be lost. */
export function exitOnUncaughtError(logger: Logger): void {
  // Unhandled rejections arrive here as well.
  process.on('uncaughtException', error => fail(logger, error, 'unexpected error'))
}

function fail(logger: Logger, error: unknown, message: string): void {
  logger.fatal({ error }, message)
  exit(logger, EXIT.failed)
}

/** Exits once the log is written, or after a deadline. */
export function exit(logger: Logger, code: number): void {
  closeLog(logger).then(() => process.exit(code))
}
