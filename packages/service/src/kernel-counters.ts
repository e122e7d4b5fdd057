import { readFile } from 'node:fs/promises'
import { Counter, type Registry } from 'prom-client'

/** Metric name → file, line and column in /proc/net, and help. The column names are the kernel's (RFC 4022 and linux/snmp.h). */
const COUNTERS = {
  retransmitted_segments: ['snmp', 'Tcp', 'RetransSegs', 'Retransmitted TCP segments'],
  resets_sent: ['snmp', 'Tcp', 'OutRsts', 'TCP segments sent with the RST flag'],
  established_resets: ['snmp', 'Tcp', 'EstabResets', 'TCP connections reset while ESTABLISHED or CLOSE-WAIT'],
  syn_retransmits: ['netstat', 'TcpExt', 'TCPSynRetrans', 'Retransmitted SYN and SYN/ACK segments'],
  listen_overflows: ['netstat', 'TcpExt', 'ListenOverflows', 'Connections dropped because the accept queue was full'],
  timeouts: ['netstat', 'TcpExt', 'TCPTimeouts', 'TCP retransmission timeouts'],
} as const

/** Registers `tcp_netns_*_total`, the kernel's TCP counters of this network namespace (in a container, its own). Linux only. */
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
  // Each group is two lines: names, then values.
  const [names, values] = text
    .split('\n')
    .filter(row => row.startsWith(`${line}: `))
    .map(row => row.split(' '))
  const index = names?.indexOf(column) ?? -1
  return index === -1 ? undefined : Number(values?.[index])
}
