import { destination, type Logger, pino, stdSerializers, symbols } from 'pino'
import { oneOf } from './formats.ts'

export type { Logger }

export const logLevel = oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')

/** What may wait for a reader of stdout that does not read. Lines beyond it are dropped: a full pipe must not stop the service. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024

/** A write for each line would cost more than the connection that the line tells of. */
const BATCH_BYTES = 8 * 1024
const BATCH_MS = 50

/** One JSON object a line, written behind the event loop's back. `closeLog` before the process ends. */
export function createLogger(service: string, level: string, to: 'stdout' | 'stderr' = 'stdout'): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: isoTime,
      formatters: { level: word => ({ level: word }) },
      // Without errorKey, pino knows only top-level errors and prints a nested one as {}.
      errorKey: 'error',
      serializers: { error: describeError },
    },
    new LogOutput(to === 'stdout' ? 1 : 2),
  )
}

/**
 * Calls back when every line is written. The logger's own `flush` may call back before, and pino's last resort at exit then overtakes what is
 * under way.
 */
export function closeLog(logger: Logger, closed: () => void): void {
  const output = (logger as unknown as Record<symbol, LogOutput>)[symbols.streamSym]
  output?.end(closed)
}

/** Writes a line at once where it stands alone, and many that come together in one go. */
class LogOutput {
  readonly #stream: ReturnType<typeof destination>
  #batch: NodeJS.Timeout | undefined
  /** Lines may have come since the last flush that was not ignored. */
  #dirty = false

  constructor(fd: number) {
    this.#stream = destination({ fd, sync: false, minLength: BATCH_BYTES, maxLength: MAX_WAITING_BYTES })
    // The stream ignores a flush during a write, and does not repeat it.
    this.#stream.on('drain', () => {
      if (this.#dirty && this.#batch === undefined) this.#flush()
    })
  }

  write(line: string): void {
    this.#stream.write(line)
    this.#dirty = true
    if (this.#batch !== undefined) return
    this.#stream.flush()
    this.#batch = setTimeout(() => {
      this.#batch = undefined
      this.#stream.flush()
    }, BATCH_MS)
    this.#batch.unref()
  }

  #flush(): void {
    this.#dirty = false
    this.#stream.flush()
  }

  end(closed: () => void): void {
    clearTimeout(this.#batch)
    this.#batch = undefined
    this.#dirty = false
    this.#stream.once('finish', closed)
    this.#stream.end()
  }
}

let timeMs = 0
let timeText = ''

/** The time for a line, in ISO 8601; lines of one millisecond share the work. */
function isoTime(): string {
  const nowMs = Date.now()
  if (nowMs !== timeMs) {
    timeMs = nowMs
    timeText = `,"time":"${new Date(nowMs).toISOString()}"`
  }
  return timeText
}

/** An operating system's error says all in code and message; only an unexpected one needs its stack. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? stdSerializers.err(error) : { code, message: error.message }
}
