/** `npm start`: a server and a client on this machine, with a readable log, until Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import pretty from 'pino-pretty'

/** npm forwards the SIGINT that the terminal has also sent to this process. */
const REPEATED_SIGNAL_MS = 2_000

const log = pretty({ ignore: 'pid,hostname,service', messageFormat: '{service}: {msg}', singleLine: true, sync: true })

/** The client has tried every target by then, or never will. */
const MAX_START_MS = 5_000
/** For the lines that a service has logged, to arrive here. */
const LOG_DELAY_MS = 250

const services: ChildProcess[] = []
let signalledAtMs = Number.NEGATIVE_INFINITY

/**
 * Resolves with the exit code of a service, whose exit stops the other one too.
 * @param ready called with its admin port, or without one if it exits first
 */
async function run(service: string, env: NodeJS.ProcessEnv, ready: (adminPort?: number) => void): Promise<number> {
  // In its own session, a child receives only the signals sent from here, each once.
  const child = spawn(`nihao-${service}`, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env, detached: true })
  services.push(child)
  if (child.stdout !== null) createInterface(child.stdout).on('line', line => log.write(`${line}\n`))
  child.once('message', message => ready((message as { readonly adminPort: number }).adminPort))
  const [code] = await once(child, 'close')
  ready()
  if (signalledAtMs < 0) send('SIGTERM')
  return code ?? 1
}

/** Prints the addresses of the pages below the log lines of the start, where they are easy to find. */
async function printPages(serverPort: number, clientPort: number): Promise<void> {
  const { NIHAO_ADMIN_HOST: host = '' } = process.env
  const name = ['', '::', '0.0.0.0'].includes(host) ? 'localhost' : isIPv6(host) ? `[${host}]` : host
  const url = (port: number) => `http://${name}:${port}/`
  const startedMs = performance.now()
  while (signalledAtMs < 0 && performance.now() - startedMs < MAX_START_MS && !(await isReady(url(clientPort))))
    await delay(LOG_DELAY_MS)
  await delay(LOG_DELAY_MS)
  if (signalledAtMs < 0) process.stdout.write(`\nOpen ${url(clientPort)} (client) or ${url(serverPort)} (server)\n`)
}

const isReady = (url: string) =>
  fetch(`${url}readyz`)
    .then(({ ok }) => ok)
    .catch(() => false)

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
const ready = Promise.withResolvers<number | undefined>()
// No load balancer uses this server, so draining need not wait for one.
const codes = [run('server', { NIHAO_DRAIN_DELAY: '0s', ...process.env }, ready.resolve)]
const serverPort = await ready.promise
if (signalledAtMs < 0) {
  // Two programs on one machine need two admin ports.
  const ownPort = Number(adminPort) > 0 && { NIHAO_ADMIN_PORT: String(Number(adminPort) + 1) }
  codes.push(
    run('client', { ...process.env, ...ownPort }, clientPort => {
      if (serverPort !== undefined && clientPort !== undefined) void printPages(serverPort, clientPort)
    }),
  )
}
process.exitCode = Math.max(...(await Promise.all(codes)))
