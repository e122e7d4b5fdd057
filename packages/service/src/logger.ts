import { type Logger, pino, stdSerializers, symbols } from 'pino'
import { oneOf } from './formats.ts'
import { LogOutput } from './log-output.ts'

export type { Logger }

export const logLevel = oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')

/** A blocked output must not keep the process from exiting. */
const CLOSE_DEADLINE_MS = 1_000

/** Logs one JSON object per line, asynchronously. Call `closeLog` before the process exits. */
export function createLogger(service: string, level: string, to: 'stdout' | 'stderr' = 'stdout'): Logger {
  // Node makes a pipe or terminal non-blocking when its stream is created.
  const { fd } = process[to]
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
  return logger
}

/** Resolves when all lines are written or can't be written. */
export async function closeLog(logger: Logger): Promise<void> {
  await outputOf(logger)?.end(CLOSE_DEADLINE_MS)
}

/** Lines dropped so far because the output did not accept them. */
export function droppedLogLines(logger: Logger): number {
  return outputOf(logger)?.droppedLines ?? 0
}

/** Undefined for a logger not created by `createLogger`. */
function outputOf(logger: Logger): LogOutput | undefined {
  const output = (logger as unknown as Record<symbol, unknown>)[symbols.streamSym]
  return output instanceof LogOutput ? output : undefined
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
