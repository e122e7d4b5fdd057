/** `npm start`: a server and a client on this machine, with a readable log, until Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Settings, unknownVariables } from '@nihao/service'
import pretty from 'pino-pretty'
import { settings as clientSettings } from './services/client/src/settings.ts'
import { settings as serverSettings } from './services/server/src/settings.ts'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
/** npm passes on the SIGINT that the terminal has sent to this process as well. */
const REPEATED_SIGNAL_MS = 1_000

const { NIHAO_LOG_LEVEL: level = 'info', NIHAO_ADMIN_PORT: adminPort } = process.env
const log = pretty({ ignore: 'pid,hostname,service', messageFormat: '{service}: {msg}', singleLine: true, sync: true })
const children: ChildProcess[] = []
let exitCode = 0

function run(service: string, env: NodeJS.ProcessEnv) {
  // In a session of its own, a child gets only the signals sent from here, each once.
  const child = spawn(`nihao-${service}`, { stdio: ['ignore', 'pipe', 'inherit'], env, detached: true })
  const ready = Promise.withResolvers<boolean>()
  createInterface(child.stdout).on('line', line => {
    if (line.includes('"msg":"admin listening"')) ready.resolve(true)
    if (isLogged(line)) log.write(`${line}\n`)
  })
  child.once('close', code => {
    ready.resolve(false)
    exitCode = Math.max(exitCode, code ?? 1)
    if (signalled.size === 0) send('SIGTERM')
  })
  children.push(child)
  return { ready: ready.promise, closed: once(child, 'close') }
}

const signalled = new Map<ChildProcess, number>()

/** Passes a signal on. A second one makes a child exit immediately: it is passed on only if the user has sent it. */
function send(signal: NodeJS.Signals): void {
  const nowMs = performance.now()
  for (const child of children) {
    const firstMs = signalled.get(child)
    const repeated = firstMs !== undefined && nowMs - firstMs < REPEATED_SIGNAL_MS
    if (repeated || child.exitCode !== null || child.signalCode !== null) continue
    signalled.set(child, nowMs)
    child.kill(signal)
  }
}

/** The variables for one of the two: settings that only the other has would be reported as unknown. */
function variablesFor(own: Settings, other: Settings): NodeJS.ProcessEnv {
  const unknownToOther = unknownVariables(other, process.env)
  const foreign = unknownVariables(own, process.env).filter(name => !unknownToOther.includes(name))
  const variables = Object.entries(process.env).filter(([name]) => !foreign.includes(name))
  // The line that says that the server is ready has the level info; what is not to be shown is left out here.
  return { ...Object.fromEntries(variables), ...(LEVELS.indexOf(level) > 2 && { NIHAO_LOG_LEVEL: 'info' }) }
}

function isLogged(line: string): boolean {
  const [, lineLevel = ''] = /^\{"level":"(\w+)"/.exec(line) ?? []
  return lineLevel === '' || LEVELS.indexOf(lineLevel) >= LEVELS.indexOf(level)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => send(signal === 'SIGHUP' ? 'SIGTERM' : signal))
}

// No load balancer sends connections to this server: the drain need not wait for one.
const server = run('server', { NIHAO_DRAIN_DELAY: '0s', ...variablesFor(serverSettings, clientSettings) })
if ((await server.ready) && signalled.size === 0) {
  const clientAdminPort = adminPort === undefined ? undefined : String(Number(adminPort) && Number(adminPort) + 1)
  const client = run('client', {
    ...variablesFor(clientSettings, serverSettings),
    ...(clientAdminPort !== undefined && { NIHAO_ADMIN_PORT: clientAdminPort }),
  })
  await client.closed
}
await server.closed
process.exitCode = exitCode
