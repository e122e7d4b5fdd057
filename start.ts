/**
 * `npm start`: server and client on this machine, their logs made readable, until Ctrl-C. The terminal itself sends SIGINT to all
 * processes in the foreground; a SIGTERM, or the end of one of the two, is passed on here.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import pretty from 'pino-pretty'

const log = pretty({ ignore: 'pid,hostname,service', messageFormat: '{service}: {msg}', singleLine: true, sync: true })

function run(service: string, env: NodeJS.ProcessEnv) {
  const child = spawn(`nihao-${service}`, { stdio: ['ignore', 'pipe', 'inherit'], env })
  const lines = createInterface(child.stdout).on('line', line => log.write(`${line}\n`))
  return { child, lines, exit: once(child, 'exit') }
}

process.on('SIGINT', () => {})
process.on('SIGTERM', () => stop())

// Nobody balances load to a server on one's own machine: there is nothing to wait for before it drains.
const server = run('server', { NIHAO_DRAIN_DELAY: '0s', ...process.env })
await Promise.race([once(server.lines, 'line'), server.exit])
const client = run('client', process.env)

function stop(): void {
  for (const { child } of [server, client]) if (child.exitCode === null) child.kill('SIGTERM')
}

await Promise.race([server.exit, client.exit])
setTimeout(stop, 1_000).unref()
const codes = (await Promise.all([server.exit, client.exit])).map(([code]) => code ?? 1)
process.exitCode = Math.max(...codes)
