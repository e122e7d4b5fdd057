import { destination, type Logger, pino, stdSerializers, stdTimeFunctions, symbols } from 'pino'
import { oneOf } from './formats.ts'

export type { Logger }

export const logLevel = oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')

/** What may wait for a reader of stdout that does not read. Lines beyond it are dropped: a full pipe must not stop the service. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024

/** One JSON object a line on stdout, written behind the event loop's back. `closeLog` before the process ends. */
export function createLogger(service: string, level: string): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: word => ({ level: word }) },
      // Without errorKey, pino knows only top-level errors and prints a nested one as {}.
      errorKey: 'error',
      serializers: { error: describeError },
    },
    destination({ fd: 1, sync: false, maxLength: MAX_WAITING_BYTES }),
  )
}

/** Calls back when every line is written. Its own `flush` may call back before, and pino's last resort at exit then overtakes what is under way. */
export function closeLog(logger: Logger, closed: () => void): void {
  const stream = (logger as unknown as Record<symbol, ReturnType<typeof destination>>)[symbols.streamSym]
  stream?.once('finish', closed)
  stream?.end()
}

/** An operating system's error says all in code and message; only an unexpected one needs its stack. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? stdSerializers.err(error) : { code, message: error.message }
}
