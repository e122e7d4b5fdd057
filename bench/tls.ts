// Compares nihao's echo over TLS with a bare Node TLS echo, under the load of nihao-client.
// Usage: npm run bench:tls -- [--rounds N]    (default 5; otherwise results.md is not written)
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildServices, temporaryFolder } from './build.ts'
import { loadAverage } from './machine.ts'
import { harnessCore, type RunningServer, withServers } from './processes.ts'
import { writeSection } from './results-file.ts'
import { bare, listeningPort, type ServerKind } from './servers.ts'
import { median, type Rounds, ratioOf, record } from './statistics.ts'
import { heading, middleHalf, table } from './tables.ts'

const seconds = 2
const clockTicksPerSecond = 100
const workloads = [
  { name: '64 connections × 32 B', connections: 64, size: 32 },
  { name: '16 connections × 64 KiB', connections: 16, size: 65_536 },
]
type Workload = (typeof workloads)[number]

const { values: flags } = parseArgs({ options: { rounds: { type: 'string' } } })
const rounds = Number(flags.rounds ?? 5)
const run = { startedAt: new Date(), loadAverageAtStart: loadAverage() }
const folder = temporaryFolder()
const [certificate, key] = createCertificate(folder)
const services = buildServices(join(folder, 'nihao'))

const bareTls = bare('bare Node', [process.execPath, join(import.meta.dirname, 'servers/bare-tls.mjs'), certificate, key])
const nihaoTls: ServerKind = {
  name: 'nihao',
  command: [process.execPath, services.server],
  environment: {
    NIHAO_LISTEN: 'echo+tls://127.0.0.1:0',
    NIHAO_CERT: certificate,
    NIHAO_KEY: key,
    NIHAO_ADMIN_HOST: '127.0.0.1',
    NIHAO_ADMIN_PORT: '0',
  },
  protocol: 'echo',
  portIn: line => listeningPort(line, 'echo+tls'),
}

const rows = await withServers([bareTls, nihaoTls], async servers => workloads.map(workload => compare(servers, workload)))
const markdown = `${heading('npm run bench:tls', run)}

Exchanges over TLS per second of the server's CPU time (k = 1,000), under the load of \`nihao-client load\` on the other core; medians of ${rounds}
interleaved rounds of ${seconds} s.

${table(['', 'bare Node', 'nihao', 'ratio', 'middle half of rounds'], rows)}
`
console.log(markdown)
if (flags.rounds === undefined) writeSection('TLS', markdown)

function createCertificate(directory: string): [certificate: string, key: string] {
  const files: [string, string] = [join(directory, 'certificate.pem'), join(directory, 'key.pem')]
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files[1]]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...newKey, '-out', files[0], '-days', '2', ...subject], { stdio: 'ignore' })
  return files
}

function compare(servers: RunningServer[], workload: Workload): string[] {
  const rates: Rounds = new Map()
  for (const server of servers) measure(server, workload)
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) record(rates, server.kind.name, measure(server, workload))
  }
  const ratio = ratioOf(rates, nihaoTls.name, bareTls.name)
  const rate = (server: ServerKind) => `${(median(rates.get(server.name) ?? []) / 1_000).toFixed(1)} k`
  return [workload.name, rate(bareTls), rate(nihaoTls), ratio?.median.toFixed(2) ?? '', middleHalf(ratio)]
}

/** Exchanges per CPU-second of the server. */
function measure({ pid, port }: RunningServer, { connections, size }: Workload): number {
  const before = cpuSeconds(pid)
  const options = { connections, size: `${size}B`, duration: `${seconds}s`, report: 'json', timeout: '10s' }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const url = `echo+tls://127.0.0.1:${port}?ca=${certificate}`
  const report = execFileSync('taskset', ['-c', harnessCore, process.execPath, services.client, 'load', url, ...args], {
    encoding: 'utf8',
  })
  const { targets } = JSON.parse(report) as { targets: { answered: number }[] }
  return Number(targets[0]?.answered) / (cpuSeconds(pid) - before)
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond
}
