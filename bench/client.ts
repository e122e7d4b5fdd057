// What a load costs its client: exchanges per CPU-second of `nihao-client load`, which measures every latency and compares every byte, beside
// those of a bare Node client that only counts. Both on one core, an echo server on another one; rounds take turns, and medians are told.
// Usage: [NIHAO_CLIENT=path of a compiled main.js] node bench/client.ts [rounds]
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const root = join(import.meta.dirname, '..')
const serverCore = '0'
const clientCore = '1'
const warmUpSeconds = 2
const measureSeconds = 3

const workloads = [
  { name: '64 connections × 32 B', connections: 64, depth: 1, size: 32 },
  { name: '64 connections × 16 pipelined × 32 B', connections: 64, depth: 16, size: 32 },
  { name: '16 connections × 64 KiB', connections: 16, depth: 1, size: 65_536 },
]

type Workload = (typeof workloads)[number]

function start(core: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  return spawn('taskset', ['-c', core, process.execPath, ...(args[0]?.endsWith('.ts') ? ['--conditions=source'] : []), ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    stdio,
  })
}

async function output(args: readonly string[]): Promise<unknown> {
  const child = start(clientCore, args)
  const [json] = await Promise.all([text(child.stdout as NodeJS.ReadableStream), once(child, 'close')])
  if (child.exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}`)
  return JSON.parse(json)
}

async function measureBare(port: number, { connections, depth, size }: Workload): Promise<number> {
  const args = [port, connections, depth, size, warmUpSeconds, measureSeconds].map(String)
  const { exchanges, cpuSeconds } = (await output(['bench/clients/bare-node.mjs', ...args])) as Record<string, number>
  return Number(exchanges) / Number(cpuSeconds)
}

async function measureLoad(port: number, { connections, depth, size }: Workload): Promise<number> {
  const options = {
    connections,
    depth,
    size: `${size}B`,
    'warm-up': `${warmUpSeconds}s`,
    duration: `${measureSeconds}s`,
    report: 'json',
    timeout: '30s',
  }
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const report = await output([
    process.env.NIHAO_CLIENT ?? 'services/client/src/main.ts',
    'load',
    `echo://127.0.0.1:${port}`,
    ...flags,
  ])
  const { targets, client } = report as { targets: { answered: number }[]; client: { cpuSeconds: number } }
  return Number(targets[0]?.answered) / client.cpuSeconds
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const rounds = Number(process.argv[2] ?? 5)
const server = start(serverCore, ['services/server/src/main.ts'], {
  NIHAO_LISTEN: 'echo://127.0.0.1:0',
  NIHAO_ADMIN_HOST: '127.0.0.1',
  NIHAO_ADMIN_PORT: '0',
})
try {
  const [line] = await once(server.stdout as NodeJS.ReadableStream, 'data')
  const { port } = JSON.parse(String(line).split('\n')[0] ?? '') as { port: number }
  for (const workload of workloads) {
    const bare: number[] = []
    const load: number[] = []
    for (let round = 0; round < rounds; round++) {
      bare.push(await measureBare(port, workload))
      load.push(await measureLoad(port, workload))
    }
    const ratios = load.map((rate, round) => (rate / (bare[round] ?? Number.NaN)).toFixed(2))
    const rates = `bare ${Math.round(median(bare))}, load ${Math.round(median(load))} exchanges per CPU-second`
    console.log(`${workload.name}: ${rates}; ratio ${(median(load) / median(bare)).toFixed(2)} (by round: ${ratios.join(' ')})`)
  }
} finally {
  server.kill('SIGKILL')
}
