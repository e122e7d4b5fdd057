import { readFile } from 'node:fs/promises'
import { Counter, type Registry } from 'prom-client'

/** Prometheus name → where the kernel keeps it: file, line, column. The names are the kernel's (RFC 4022 and linux/snmp.h). */
const COUNTERS = {
  retransmitted_segments: ['snmp', 'Tcp', 'RetransSegs', 'TCP segments sent again'],
  resets_sent: ['snmp', 'Tcp', 'OutRsts', 'TCP segments sent with the RST flag'],
  established_resets: [
    'snmp',
    'Tcp',
    'EstabResets',
    'TCP connections that went from ESTABLISHED or CLOSE-WAIT straight to CLOSED',
  ],
  syn_retransmits: ['netstat', 'TcpExt', 'TCPSynRetrans', 'SYN and SYN/ACK segments sent again'],
  listen_overflows: [
    'netstat',
    'TcpExt',
    'ListenOverflows',
    'Connections that the kernel dropped because the accept queue was full',
  ],
  timeouts: ['netstat', 'TcpExt', 'TCPTimeouts', 'TCP retransmission timeouts'],
} as const

/**
 * Registers `tcp_netns_*_total`: what the kernel counts for this network namespace, which in a container is the container's own.
 * Where there is no Linux /proc, the metrics are left out.
 */
export function registerKernelCounters(registry: Registry): void {
  for (const [name, [file, line, column, help]] of Object.entries(COUNTERS)) {
    new Counter({
      name: `tcp_netns_${name}_total`,
      help: `${help}, in this network namespace.`,
      registers: [registry],
      async collect() {
        const value = await readCounter(file, line, column)
        this.reset()
        if (value !== undefined) this.inc(value)
        else this.remove()
      },
    })
  }
}

async function readCounter(file: string, line: string, column: string): Promise<number | undefined> {
  const text = await readFile(`/proc/net/${file}`, 'utf8').catch(() => '')
  // Each group stands on two lines: names, then values.
  const [names, values] = text
    .split('\n')
    .filter(row => row.startsWith(`${line}: `))
    .map(row => row.split(' '))
  const index = names?.indexOf(column) ?? -1
  return index === -1 ? undefined : Number(values?.[index])
}
