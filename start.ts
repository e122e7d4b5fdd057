/** `npm start`: a server and a client on this machine, with a readable log, until Ctrl-C. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pretty from 'pino-pretty'

/** npm passes on the SIGINT that the terminal has sent to this process as well. */
const REPEATED_SIGNAL_MS = 1_000

const log = pretty({ ignore: 'pid,hostname,service', messageFormat: '{service}: {msg}', singleLine: true, sync: true })

function run(service: string, env: NodeJS.ProcessEnv) {
  // In a session of its own, a child gets only the signals sent from here, each once.
  const child = spawn(`nihao-${service}`, { stdio: ['ignore', 'pipe', 'inherit'], env, detached: true })
  createInterface(child.stdout).on('line', line => log.write(`${line}\n`))
  return { child, closed: once(child, 'close') }
}

const { NIHAO_ADMIN_PORT: adminPort } = process.env
const services = [
  // No load balancer sends connections to this server: the drain need not wait for one.
  run('server', { NIHAO_DRAIN_DELAY: '0s', ...process.env }),
  // Two programs on one machine need two admin ports.
  run('client', { ...process.env, ...(Number(adminPort) > 0 && { NIHAO_ADMIN_PORT: String(Number(adminPort) + 1) }) }),
]

let signalledAtMs = Number.NEGATIVE_INFINITY

/** Passes a signal on. A second one makes a service exit immediately: it is passed on only if the user has sent it. */
function send(signal: NodeJS.Signals): void {
  const nowMs = performance.now()
  if (nowMs - signalledAtMs < REPEATED_SIGNAL_MS) return
  signalledAtMs = nowMs
  for (const { child } of services) child.kill(signal)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => send(signal))
process.on('SIGHUP', () => send('SIGTERM'))

const codes = services.map(async ({ closed }) => {
  const [code] = await closed
  send('SIGTERM')
  return (code as number | null) ?? 1
})
process.exitCode = Math.max(...(await Promise.all(codes)))
