import type { Helper } from './helper.ts'
import type { Span } from './outcome.ts'

/** The clock of all times here and of the Python programs, in ms: CLOCK_MONOTONIC. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6

/** One row of /proc/net/tcp. */
export interface KernelRow {
  readonly timeMs: number
  readonly localPort: number
  readonly state: string
  readonly sendQueueBytes: number
  readonly receiveQueueBytes: number
  /** 1 retransmission, 2 keep-alive, 4 window probe. */
  readonly timer: number
  readonly retransmits: number
  /** Unanswered window probes. */
  readonly probes: number
  /** Retransmission timeout; the kernel shows it in clock ticks of 10 ms. */
  readonly rtoMs: number
  readonly congestionWindow: number
}

const STATES: Record<string, string> = { '01': 'ESTABLISHED', '02': 'SYN_SENT', '08': 'CLOSE_WAIT' }

function readRow(line: string): KernelRow {
  const [, time, , local = '', , state = '', queues = '', timer = '', retransmits, , probes, , , , rto, , , window] =
    line.split(' ')
  const hexadecimal = (text: string | undefined) => Number.parseInt(text ?? '', 16)
  const [sendQueue, receiveQueue] = queues.split(':')
  return {
    timeMs: Number(time),
    localPort: hexadecimal(local.split(':')[1]),
    state: STATES[state] ?? 'closing',
    sendQueueBytes: hexadecimal(sendQueue),
    receiveQueueBytes: hexadecimal(receiveQueue),
    timer: hexadecimal(timer.split(':')[0]),
    retransmits: hexadecimal(retransmits),
    probes: Number(probes),
    rtoMs: Number(rto) * 10,
    congestionWindow: Number(window),
  }
}

/** The longest time without a reply that ended after `sinceMs`. It is known less well if the witness was asleep at one of its ends. */
export function longestGap({ lines }: Pick<Helper, 'lines'>, sinceMs: number): Span {
  const replies = timesOf(lines, 'reply').map(([timeMs = 0]) => timeMs)
  const gaps = replies.slice(1).map((endMs, index) => ({ startMs: replies[index] as number, endMs }))
  const longest = { startMs: 0, endMs: 0 }
  for (const { startMs, endMs } of gaps) {
    if (endMs > sinceMs && endMs - startMs > longest.endMs - longest.startMs) Object.assign(longest, { startMs, endMs })
  }
  const mostMs = longest.endMs - longest.startMs
  const asleepMs = timesOf(lines, 'asleep')
    .filter(([fromMs = 0, toMs = 0]) =>
      [longest.startMs, longest.endMs].some(atMs => fromMs < atMs + NEAR_MS && toMs > atMs - NEAR_MS),
    )
    .reduce((sum, [fromMs = 0, toMs = 0]) => sum + toMs - fromMs, 0)
  return { leastMs: Math.max(0, mostMs - asleepMs), mostMs }
}

/** For how long the witness did not run in all since `sinceMs`. */
export function asleepMs({ lines }: Pick<Helper, 'lines'>, sinceMs: number): number {
  const since = timesOf(lines, 'asleep').filter(([, toMs = 0]) => toMs > sinceMs)
  return since.reduce((sum, [fromMs = 0, toMs = 0]) => sum + toMs - Math.max(fromMs, sinceMs), 0)
}

/** The witness makes an attempt every 20 ms. */
const NEAR_MS = 40

/** The times in the lines that begin with this word. */
const timesOf = (lines: readonly string[], word: string): number[][] =>
  lines.filter(line => line.startsWith(`${word} `)).map(line => line.split(' ').slice(1).map(Number))

/** The last row of each connection before the client closed it, for those closed from `sinceMs` to `untilMs`. */
export function lastRows({ lines }: Helper, sinceMs: number, untilMs: number): KernelRow[] {
  const rows = new Map<number, KernelRow>()
  for (const line of lines.filter(line => line.startsWith('row '))) {
    const row = readRow(line)
    if (row.state !== 'closing') rows.set(row.localPort, row)
  }
  return [...rows.values()].filter(({ timeMs }) => timeMs >= sinceMs && timeMs <= untilMs)
}
