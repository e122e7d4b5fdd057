import type { Helper } from './helper.ts'

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

/** The longest time without a reply that ended after `sinceMs`. */
export function longestGapMs({ lines }: Helper, sinceMs: number): number {
  const replies = lines.filter(line => line.startsWith('reply ')).map(line => Number(line.slice('reply '.length)))
  return Math.max(0, ...replies.slice(1).map((timeMs, index) => (timeMs > sinceMs ? timeMs - (replies[index] as number) : 0)))
}

/** The last row of each connection before the client closed it, for those closed from `sinceMs` to `untilMs`. */
export function lastRows({ lines }: Helper, sinceMs: number, untilMs: number): KernelRow[] {
  const rows = new Map<number, KernelRow>()
  for (const line of lines.filter(line => line.startsWith('row '))) {
    const row = readRow(line)
    if (row.state !== 'closing') rows.set(row.localPort, row)
  }
  return [...rows.values()].filter(({ timeMs }) => timeMs >= sinceMs && timeMs <= untilMs)
}
