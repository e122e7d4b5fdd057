// What frames and TLS cost the server: exchanges per CPU-second of probe beside those of a bare Node echo, and of echo over TLS beside those of a
// bare Node TLS echo. The load is `nihao-client load`, for all alike, on the other core. Rounds take turns, and medians are told.
// Usage: node bench/protocols.ts [rounds]
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { compileServices } from './build.ts'

const serverCore = '0'
const loadCore = '1'
const seconds = 2
const clockTicksPerSecond = 100

const folder = mkdtempSync(join(tmpdir(), 'nihao-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
const cert = join(folder, 'cert.pem')
const key = join(folder, 'key.pem')
const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
execFileSync('openssl', ['req', '-x509', ...newKey, '-out', cert, '-days', '2', ...subject], { stdio: 'ignore' })
const { server: nihaoServer, client: nihaoClient } = compileServices(join(folder, 'nihao'))

interface Server {
  readonly name: string
  readonly pid: number
  readonly url: string
}

function start(name: string, args: string[], protocol: string, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const child = spawn('taskset', ['-c', serverCore, process.execPath, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.on('exit', () => child.kill('SIGKILL'))
  return new Promise(resolve => {
    createInterface(child.stdout).on('line', line => {
      const port = /^\d+$/.test(line) ? line : /"listener":"[a-z+]+:(\d+)"/.exec(line)?.[1]
      if (port !== undefined) {
        resolve({
          name,
          pid: child.pid ?? 0,
          url: `${protocol}://127.0.0.1:${port}${protocol.endsWith('+tls') ? `?ca=${cert}` : ''}`,
        })
      }
    })
  })
}

const nihao = (protocol: string) =>
  start(`nihao ${protocol}`, [nihaoServer], protocol, {
    NIHAO_LISTEN: `${protocol}://127.0.0.1:0`,
    NIHAO_CERT: cert,
    NIHAO_KEY: key,
    NIHAO_ADMIN_HOST: '127.0.0.1',
    NIHAO_ADMIN_PORT: '0',
  })

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond
}

/** Exchanges per CPU-second of the server. */
function measure({ pid, url }: Server, connections: number, sizeBytes: number): number {
  const before = cpuSeconds(pid)
  const flags = { connections, size: `${sizeBytes}B`, duration: `${seconds}s`, report: 'json', timeout: '10s' }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const report = execFileSync('taskset', ['-c', loadCore, process.execPath, nihaoClient, 'load', url, ...args], {
    encoding: 'utf8',
  })
  const { targets } = JSON.parse(report) as { targets: { answered: number }[] }
  return Number(targets[0]?.answered) / (cpuSeconds(pid) - before)
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const rounds = Number(process.argv[2] ?? 5)
const pairs = [
  await Promise.all([start('bare Node echo', [join(import.meta.dirname, 'servers/bare-node.mjs')], 'echo'), nihao('probe')]),
  await Promise.all([
    start('bare Node TLS echo', [join(import.meta.dirname, 'servers/bare-tls.mjs'), cert, key], 'echo+tls'),
    nihao('echo+tls'),
  ]),
]
for (const [bare, ours] of pairs) {
  for (const [connections, sizeBytes] of [
    [64, 32],
    [16, 65_536],
  ] as const) {
    const rates = { bare: [] as number[], ours: [] as number[] }
    for (const server of [bare, ours]) measure(server, connections, sizeBytes)
    for (let round = 0; round < rounds; round++) {
      rates.bare.push(measure(bare, connections, sizeBytes))
      rates.ours.push(measure(ours, connections, sizeBytes))
    }
    const ratio = (median(rates.ours) / median(rates.bare)).toFixed(2)
    const told = `${bare.name} ${Math.round(median(rates.bare))}, ${ours.name} ${Math.round(median(rates.ours))}`
    console.log(`${connections} connections × ${sizeBytes} B: ${told} exchanges per CPU-second; ratio ${ratio}`)
  }
}
process.exit()
