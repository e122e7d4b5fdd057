// Measures how long a thousand sessions of one client that lose their server, or get it back, delay the exchanges of another session.
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Service } from '../process/support/service.ts'
import { until } from '../process/support/until.ts'

const SESSIONS = 1_000
const PROBE_INTERVAL_MS = 10
const DOWN_MS = 3_000
const ROUNDS = Number(process.argv[2] ?? 3)

/** An echo server in this process: it notes the longest time between two requests of the session that must not be delayed. */
function startEcho() {
  let lastMs = Number.NaN
  let longestMs = 0
  const server = createServer({ noDelay: true }, socket => {
    socket.on('error', () => {})
    socket.on('data', chunk => {
      const nowMs = performance.now()
      if (nowMs - lastMs > longestMs) longestMs = nowMs - lastMs
      lastMs = nowMs
      socket.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  return {
    server,
    /** The longest delay of a request since the last call. */
    takeDelayMs(): number {
      const delayMs = longestMs - PROBE_INTERVAL_MS
      longestMs = 0
      return Math.max(0, delayMs)
    },
  }
}

const startServer = async (port: number) => {
  const env = { NIHAO_LISTEN: `probe://127.0.0.1:${port}`, NIHAO_ADMIN_PORT: '0', NIHAO_IDENTITY: 'server' }
  const server = new Service('services/server/src/main.ts', { env })
  await server.log({ msg: 'listening' })
  return server
}

/** The sessions whose outage began, or is over, by single lines and by sums of many. */
const sessions = (client: Service, one: string, many: string) =>
  client.logged({ msg: many }).reduce((sum, { sessions }) => sum + Number(sessions), client.logged({ msg: one }).length)

/** The longest turn of the client's event loop since the last call, ms of CPU time. */
async function takeTurnMs(client: Service): Promise<number> {
  const turns = () => [...client.stderr.matchAll(/longest turn ([\d.]+)/g)]
  const known = turns().length
  client.kill('SIGUSR2')
  await until('the client to tell', () => turns().length > known)
  return Number(turns().at(-1)?.[1])
}

async function measure(fault: 'killed' | 'stopped', round: number): Promise<string> {
  const echo = startEcho()
  await using resources = new AsyncDisposableStack()
  resources.defer(() => void echo.server.close())
  const port = 20_000 + ((process.pid * 7 + round) % 10_000)
  const server = resources.use(await startServer(port))
  const others = `echo://127.0.0.1:${(echo.server.address() as AddressInfo).port}?interval=${PROBE_INTERVAL_MS}ms`
  const env = { NIHAO_TARGETS: `probe://127.0.0.1:${port}?connections=${SESSIONS}&interval=1s ${others}` }
  const client = resources.use(
    new Service('services/client/src/main.ts', {
      env: {
        ...env,
        NIHAO_TIMEOUT: '1s',
        NIHAO_SUMMARY_INTERVAL: '0s',
        NIHAO_ADMIN_PORT: '0',
        NODE_OPTIONS: `--import=${import.meta.dirname}/turns.ts`,
      },
    }),
  )
  await client.log({ msg: 'first reply', target: `probe://127.0.0.1:${port}` })
  // Every session has its connection, and the code is compiled.
  await delay(4_000)
  const figures: string[] = []
  const take = async () => {
    const [delayMs, turnMs] = [echo.takeDelayMs(), await takeTurnMs(client)]
    figures.push(delayMs.toFixed(1), turnMs.toFixed(1))
  }
  await take()
  figures.length = 0
  await delay(DOWN_MS)
  await take()
  server.kill(fault === 'killed' ? 'SIGKILL' : 'SIGSTOP')
  await until('all to fail', () => sessions(client, 'outage began', 'outages began') >= SESSIONS, 60_000)
  await delay(DOWN_MS)
  await take()
  if (fault === 'killed') resources.use(await startServer(port))
  else server.kill('SIGCONT')
  await until('all to return', () => sessions(client, 'outage over', 'outages over') >= SESSIONS, 60_000)
  await delay(1_500)
  await take()
  return `| ${[`server ${fault}`, ...figures].join(' | ')} |`
}

const PHASES = ['undisturbed', 'failing', 'returning']
const headings = ['fault', ...PHASES.flatMap(phase => [`${phase}: delay, ms`, 'CPU, ms'])]
console.log(`| ${headings.join(' | ')} |\n|${' --- |'.repeat(headings.length)}`)
for (let round = 0; round < ROUNDS; round++) {
  for (const fault of ['killed', 'stopped'] as const) console.log(await measure(fault, round))
}
