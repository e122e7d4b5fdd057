import { endianness } from 'node:os'

/** The timer that the kernel has armed on a connection. */
export type KernelTimer = 'none' | 'retransmission' | 'keep_alive' | 'time_wait' | 'window_probe' | 'unknown'

/** The kernel's view of one connection: a row of /proc/net/tcp or tcp6 (Linux, net/ipv4/tcp_ipv4.c, get_tcp4_sock). */
export interface KernelSocket {
  /** TCP state, numbered as in the kernel: 1 established, 2 SYN sent, 4 FIN wait 1, 5 FIN wait 2, 8 close wait, 10 listen. */
  readonly state: number
  /** Written bytes that the peer has not acknowledged; a SYN counts as one. */
  readonly unacknowledgedBytes: number
  /** Received bytes that the process has not read; for a listener, connections waiting to be accepted. */
  readonly unreadBytes: number
  readonly timer: KernelTimer
  /** Retransmissions of the oldest unacknowledged segment since it was last acknowledged. */
  readonly retransmissions: number
  /** Unanswered window or keep-alive probes. */
  readonly probes: number
  /** Retransmission timeout, ms. */
  readonly retransmissionTimeoutMs: number
  /** Congestion window, segments. */
  readonly congestionWindow: number
}

const TIMERS: readonly KernelTimer[] = ['none', 'retransmission', 'keep_alive', 'time_wait', 'window_probe']

/** The kernel reports times in units of USER_HZ, which is 100 on every platform that Linux supports. */
const MS_PER_CLOCK_TICK = 10

/** Rows are only indexed here and parsed on demand: indexing 10,000 of them takes a few milliseconds. */
export function addRows(rows: Map<string, string>, file: string): void {
  let start = file.indexOf('\n') + 1
  while (start > 0 && start < file.length) {
    const lineEnd = file.indexOf('\n', start)
    const end = lineEnd === -1 ? file.length : lineEnd
    const addresses = file.indexOf(': ', start) + 2
    const remote = file.indexOf(' ', addresses) + 1
    const rest = file.indexOf(' ', remote)
    if (addresses > 1 && rest !== -1 && rest < end) rows.set(file.slice(addresses, rest), file.slice(rest + 1, end))
    start = end + 1
  }
}

/** `st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer rto ato quick|pingpong cwnd ssthresh` */
export function parseRow(row: string | undefined): KernelSocket | undefined {
  if (row === undefined) return undefined
  const [state = '', queues = '', timer = '', retransmissions = '', , probes = '', , , , rto = '0', , , cwnd = '0'] = row
    .trim()
    .split(/ +/)
  const [sent = '', received = ''] = queues.split(':')
  return {
    state: Number.parseInt(state, 16),
    unacknowledgedBytes: Number.parseInt(sent, 16),
    unreadBytes: Number.parseInt(received, 16),
    timer: TIMERS[Number.parseInt(timer, 16)] ?? 'unknown',
    retransmissions: Number.parseInt(retransmissions, 16),
    probes: Number(probes),
    retransmissionTimeoutMs: Number(rto) * MS_PER_CLOCK_TICK,
    congestionWindow: Number(cwnd),
  }
}

/** An address as the kernel prints it: 32-bit words in host byte order, then the port. */
export function endOf(address: string | undefined, port: number | undefined): string | undefined {
  const octets = address === undefined ? undefined : octetsOf(address)
  if (octets === undefined || port === undefined) return undefined
  if (endianness() === 'LE') octets.swap32()
  return `${octets.toString('hex').toUpperCase()}:${port.toString(16).toUpperCase().padStart(4, '0')}`
}

function octetsOf(address: string): Buffer | undefined {
  const [plain = ''] = address.split('%')
  if (!plain.includes(':')) {
    const octets = plain.split('.').map(Number)
    return octets.length === 4 ? Buffer.from(octets) : undefined
  }
  // URL normalizes IPv6 addresses, with an embedded IPv4 address in hexadecimal.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string | undefined) => (text ? text.split(':').map(group => Number.parseInt(group, 16)) : [])
  const [front, back] = [groups(head), groups(tail)]
  const octets = Buffer.alloc(16)
  front.forEach((group, index) => {
    octets.writeUInt16BE(group, index * 2)
  })
  back.forEach((group, index) => {
    octets.writeUInt16BE(group, 16 - (back.length - index) * 2)
  })
  return octets
}
