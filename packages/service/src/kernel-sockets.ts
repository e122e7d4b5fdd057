import { readFile } from 'node:fs/promises'
import { endianness } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Which timer the kernel has armed on a connection. */
export type KernelTimer = 'none' | 'retransmission' | 'keep_alive' | 'time_wait' | 'window_probe' | 'unknown'

/** What the kernel knows of one connection: a row of /proc/net/tcp or tcp6 (linux, net/ipv4/tcp_ipv4.c, get_tcp4_sock). */
export interface KernelSocket {
  /** TCP state as the kernel numbers it: 1 established, 2 SYN sent, 4 FIN wait 1, 5 FIN wait 2, 8 close wait, 10 listen. */
  readonly state: number
  /** Bytes written that the peer has not acknowledged; a SYN counts as one. */
  readonly unacknowledgedBytes: number
  /** Bytes received that the process has not read; of a listener, connections that wait to be accepted. */
  readonly unreadBytes: number
  readonly timer: KernelTimer
  /** Retransmissions of the oldest unacknowledged segment since it was last acknowledged. */
  readonly retransmissions: number
  /** Window or keep-alive probes that were not answered. */
  readonly probes: number
  /** Retransmission timeout, ms. */
  readonly retransmissionTimeoutMs: number
  /** Congestion window, segments. */
  readonly congestionWindow: number
}

/** The addresses that identify a connection. */
export interface SocketAddresses {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** The file is read at most this often: a thousand connections that time out together share one read. */
const MIN_INTERVAL_MS = 100

const TIMERS: readonly KernelTimer[] = ['none', 'retransmission', 'keep_alive', 'time_wait', 'window_probe']

/** The kernel reports times in units of USER_HZ, which is 100 on every platform that Linux supports. */
const MS_PER_CLOCK_TICK = 10

/** Reads the kernel's table of TCP connections in this network namespace, which in a container is the container's own. */
export class KernelSockets {
  readonly #folder: string
  #lastReadMs = Number.NEGATIVE_INFINITY
  #next: Promise<Map<string, string>> | undefined

  /** @param folder where `tcp` and `tcp6` are */
  constructor(folder = '/proc/net') {
    this.#folder = folder
  }

  /** Returns the row of a connection as it is now, or undefined where the kernel has none, or the platform no such table. */
  async find(socket: SocketAddresses): Promise<KernelSocket | undefined> {
    const key = keyOf(socket)
    if (key === undefined) return undefined
    return parseRow((await this.rows()).get(key))
  }

  /** Returns the row of a listener: its `unreadBytes` is the length of the accept queue. */
  async findListener(address: string, port: number): Promise<KernelSocket | undefined> {
    const local = endOf(address, port)
    if (local === undefined) return undefined
    const any = local.slice(0, local.indexOf(':')).replaceAll(/./g, '0')
    return parseRow((await this.rows()).get(`${local} ${any}:0000`))
  }

  /** Returns all rows by "local remote", as a read that starts after this call shows them. */
  rows(): Promise<Map<string, string>> {
    this.#next ??= this.#read()
    return this.#next
  }

  async #read(): Promise<Map<string, string>> {
    await delay(Math.max(0, this.#lastReadMs + MIN_INTERVAL_MS - performance.now()))
    // From here on a new caller needs a new read: this one may already have passed its row.
    this.#next = undefined
    this.#lastReadMs = performance.now()
    const files = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`${this.#folder}/${name}`, 'latin1').catch(() => '')))
    const rows = new Map<string, string>()
    for (const file of files) addRows(rows, file)
    return rows
  }
}

/** Rows are parsed only when somebody asks for them: indexing 10,000 of them takes a few milliseconds. */
function addRows(rows: Map<string, string>, file: string): void {
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
function parseRow(row: string | undefined): KernelSocket | undefined {
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

function keyOf({ localAddress, localPort, remoteAddress, remotePort }: SocketAddresses): string | undefined {
  const local = endOf(localAddress, localPort)
  const remote = endOf(remoteAddress, remotePort)
  return local === undefined || remote === undefined ? undefined : `${local} ${remote}`
}

/** An address as the kernel prints it: words of 32 bits in the byte order of the machine, then the port. */
function endOf(address: string | undefined, port: number | undefined): string | undefined {
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
  // URL writes every IPv6 address in one way, an embedded IPv4 address in hexadecimal.
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
