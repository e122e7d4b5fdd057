// Measures the server in a container with a memory limit, with idle, busy and hostile connections.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from '../../bench/machine.ts'
import { docker, interrupted, Laboratory } from '../alerts/laboratory.ts'
import { markdown } from '../faults/table.ts'
import { baseLimits, measure } from './measure.ts'
import { type Behaviour, behaviours, Peers } from './peers.ts'

const base = baseLimits()

const USAGE = `usage: npm run sizing -- [--connections 100,1000] [--behaviour idle,busy,hostile] [--memory 512m] [--seconds 20] [--output FILE]
  --connections  default: 100,1000,${base.connections},10000; of them, k8s/base allows ${base.connections}
  --behaviour    default: all three
  --memory       limit of the container, as for docker run; default: ${base.memory} with NIHAO_MAX_BUFFERED_TOTAL=${base.maxBufferedTotal}, as in k8s/base
  --seconds      measured time of each row; default: 20
  --output       file for the table, in Markdown; default: stdout`

function usage(problem: string): never {
  console.error(`${problem}\n${USAGE}`)
  process.exit(2)
}

function readArguments() {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ options: { connections: text, behaviour: text, memory: text, seconds: text, output: text } }).values
  } catch (error) {
    usage((error as Error).message)
  }
}

const given = readArguments()
const numbers = (name: string, list: string) =>
  list
    .split(',')
    .map(item => (/^[1-9]\d{0,4}$/.test(item) ? Number(item) : usage(`--${name}: not a number from 1 to 99999: ${item}`)))
const counts = numbers('connections', given.connections ?? `100,1000,${base.connections},10000`)
const [seconds = 0] = numbers('seconds', given.seconds ?? '20')
const chosen = behaviours.filter(name => (given.behaviour ?? behaviours.join()).split(',').includes(name))
const memory = given.memory ?? base.memory
const NIHAO_MAX_BUFFERED_TOTAL = given.memory === undefined ? base.maxBufferedTotal : ''

const image = await docker('build', '--quiet', '--file', 'Dockerfile.server', '.')

async function row(laboratory: Laboratory, behaviour: Behaviour, connections: number): Promise<string[]> {
  const server = await laboratory.start('server', image, {
    env: {
      NIHAO_MAX_CONNECTIONS: `${connections}`,
      NIHAO_MAX_BUFFERED_TOTAL,
      NIHAO_LISTEN: 'greet://:1234',
      NIHAO_LOG_LEVEL: 'warn',
    },
    options: ['--memory', memory, '--memory-swap', memory, '--read-only', '--cap-drop', 'ALL'],
  })
  await server.ready()
  const host = await server.address()
  using peers = new Peers(host, 1234, behaviour)
  await peers.connect(connections)
  const before = peers.exchanges
  // Without a process, it has nothing to measure.
  const usage = await measure(server, seconds * 1_000).catch(() => undefined)
  const perSecond = Math.round((peers.exchanges - before) / seconds)
  const open = await openConnections(host)
  const state = await server.do('inspect', '--format', '{{.State.Running}} {{.State.OOMKilled}}')
  console.error(`${connections} ${behaviour}: ${usage === undefined ? 'the server is gone' : megabytes(usage.peakBytes)}`)
  return [
    connections.toLocaleString('en'),
    behaviour,
    usage ? megabytes(usage.bytes) : '',
    usage ? megabytes(usage.peakBytes) : '',
    usage ? megabytes(usage.kernelBytes) : '',
    usage ? `${(usage.cpu * 100).toFixed(1)} %` : '',
    behaviour === 'hostile' ? '' : perSecond.toLocaleString('en'),
    open.toLocaleString('en'),
    state === 'true false' ? 'yes' : 'NO',
  ]
}

const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`

async function openConnections(host: string): Promise<number> {
  const metrics = await fetch(`http://${host}:9464/metrics`).then(
    response => response.text(),
    () => '',
  )
  return Number(/^tcp_server_connections_active\{.*\} (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN)
}

const rows: string[][] = []
const ended = interrupted()
for (const behaviour of chosen) {
  for (const connections of counts) {
    await using laboratory = new Laboratory()
    rows.push(await Promise.race([row(laboratory, behaviour, connections), ended]))
  }
}

const headings = [
  'Connections',
  'Peers',
  'Memory',
  'Peak',
  'Kernel',
  'CPU (of one core)',
  'Exchanges/s',
  'Open at the end',
  'Alive',
]
const text = `Server in a container with ${memory} of memory. ${describeMachine()}\n\n${markdown(headings, rows)}`
if (given.output === undefined) console.log(text)
else writeFileSync(given.output, text)
process.exitCode = rows.every(cells => cells.at(-1) === 'yes') ? 0 : 1
