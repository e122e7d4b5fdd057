/** `npm start`: a server and a client on this machine, with a readable log, until Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pretty from 'pino-pretty'

/** npm forwards the SIGINT that the terminal has also sent to this process. */
const REPEATED_SIGNAL_MS = 2_000

const log = pretty({ ignore: 'pid,hostname,service', messageFormat: '{service}: {msg}', singleLine: true, sync: true })

const services: ChildProcess[] = []
let signalledAtMs = Number.NEGATIVE_INFINITY

/** Resolves with the exit code of a service, whose exit stops the other one too. */
async function run(service: string, env: NodeJS.ProcessEnv, ready = () => {}): Promise<number> {
  // In its own session, a child receives only the signals sent from here, each once.
  const child = spawn(`nihao-${service}`, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env, detached: true })
  services.push(child)
  if (child.stdout !== null) createInterface(child.stdout).on('line', line => log.write(`${line}\n`))
  child.once('message', ready)
  const [code] = await once(child, 'close')
  ready()
  if (signalledAtMs < 0) send('SIGTERM')
  return code ?? 1
}

/** Forwards a signal. A second one makes a service exit immediately, so it is forwarded only if the user sent it. */
function send(signal: NodeJS.Signals): void {
  const nowMs = performance.now()
  if (nowMs - signalledAtMs < REPEATED_SIGNAL_MS) return
  signalledAtMs = nowMs
  for (const service of services) service.kill(signal)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => send(signal))
process.on('SIGHUP', () => send('SIGTERM'))

const { NIHAO_ADMIN_PORT: adminPort } = process.env
const ready = Promise.withResolvers<void>()
// No load balancer uses this server, so draining need not wait for one.
const codes = [run('server', { NIHAO_DRAIN_DELAY: '0s', ...process.env }, ready.resolve)]
await ready.promise
if (signalledAtMs < 0) {
  // Two programs on one machine need two admin ports.
  const ownPort = Number(adminPort) > 0 && { NIHAO_ADMIN_PORT: String(Number(adminPort) + 1) }
  codes.push(run('client', { ...process.env, ...ownPort }))
}
process.exitCode = Math.max(...(await Promise.all(codes)))
