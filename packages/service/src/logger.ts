import { type Level, type Logger, pino, stdSerializers } from 'pino'
import { oneOf } from './formats.ts'
import { LogOutput } from './log-output.ts'

export type { Logger }

export const logLevel = oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')

/** The outputs of the loggers that `createLogger` has made, and the fields at the start of each of their lines. */
const outputs = new WeakMap<Logger, { readonly output: LogOutput; readonly base: string }>()

const FILES = { stdout: 1, stderr: 2 } as const

/** A blocked output must not keep the process from exiting. */
const CLOSE_DEADLINE_MS = 1_000

/** Logs one JSON object per line, asynchronously. Call `closeLog` before the process exits. */
export function createLogger(service: string, level: string, to: 'stdout' | 'stderr' = 'stdout'): Logger {
  // Node makes a pipe or terminal non-blocking when its stream is created. In a worker thread, the stream has no file descriptor.
  const fd = process[to].fd ?? FILES[to]
  const output = new LogOutput(fd, lines => logger.warn({ lines }, 'log lines dropped'))
  const logger = pino(
    {
      level,
      base: { service },
      timestamp: isoTime,
      formatters: { level: label => ({ level: label }) },
      // Without errorKey, pino serializes only top-level errors, and a nested one becomes {}.
      errorKey: 'error',
      serializers: { error: describeError },
    },
    output,
  )
  outputs.set(logger, { output, base: `,"service":${JSON.stringify(service)}` })
  return logger
}

/**
 * Logs the line that `logger[level](object, message)` would, from the object's fields as JSON with a comma before each: for a line that is
 * logged so often that pino's walk through the object would show.
 */
export function logSerialized(logger: Logger, level: Level, fields: string, message: string): void {
  if (!logger.isLevelEnabled(level)) return
  const { output, base } = outputs.get(logger) ?? {}
  output?.write(`{"level":"${level}"${isoTime()}${base}${fields},"msg":${JSON.stringify(message)}}\n`)
}

/** Resolves when all lines are written or can't be written. */
export async function closeLog(logger: Logger): Promise<void> {
  await outputs.get(logger)?.output.end(CLOSE_DEADLINE_MS)
}

/** Lines dropped so far because the output did not accept them. */
export function droppedLogLines(logger: Logger): number {
  return outputs.get(logger)?.output.droppedLines ?? 0
}

let timeMs = 0
let timeText = ''

/** The time as ISO 8601, formatted once per millisecond. */
function isoTime(): string {
  const nowMs = Date.now()
  if (nowMs !== timeMs) {
    timeMs = nowMs
    timeText = `,"time":"${new Date(nowMs).toISOString()}"`
  }
  return timeText
}

/** Code and message describe an error of the operating system; any other error needs its stack. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? stdSerializers.err(error) : { code, message: error.message }
}
