import { type ChildProcess, spawn } from 'node:child_process'
import { waitForConntrack } from './conntrack.ts'
import { harnessCore, killAtExit, type RunningServer } from './processes.ts'

/** How the load generator waits: `spin` polls on its own core, `sleep` waits in the kernel and is woken by the server. */
export type Wait = 'spin' | 'sleep'

/** The load generator's program. */
export type Generator = { program: string; wait: Wait }

/** Result of a load. CPU times are those of the measured time. */
export type LoadResult = {
  wait: Wait
  /** Exchanges, or connections in churn mode. */
  done: number
  seconds: number
  /** User + system time of all threads. */
  serverCpuSeconds: number
  generatorCpuSeconds: number
}

/** The server does not speak the protocol, or another version of it. */
export class UnsupportedProtocol extends Error {}

const exitUnsupported = 3
const greeting = '你好，'

/** Runs a load to its end; rejects if a reply was wrong or missing, or a connection was lost. */
export async function runLoad(
  generator: Generator,
  mode: 'exchange' | 'churn',
  server: RunningServer,
  options: Record<string, number>,
): Promise<LoadResult> {
  if (mode === 'churn') await waitForConntrack()
  const [line] = await start(generator, mode, server, { ...options, pid: server.pid }).ended
  return JSON.parse(line ?? '') as LoadResult
}

/**
 * Opens silent connections; resolves when the server has accepted all. `release` makes an exchange on each and closes them.
 * @param seconds for which they stay open, beyond the first minute
 */
export async function holdIdle(
  generator: Generator,
  server: RunningServer,
  connections: number,
  seconds = 1,
): Promise<{ release: () => Promise<unknown> }> {
  const idle = start(generator, 'idle', server, { connections, seconds })
  await Promise.race([idle.firstLine, idle.ended])
  const release = () => {
    idle.process.stdin?.end()
    return idle.ended
  }
  return { release }
}

type Run = { process: ChildProcess; firstLine: Promise<void>; ended: Promise<string[]> }

function start({ program, wait }: Generator, mode: string, server: RunningServer, options: Record<string, number>): Run {
  const { name, protocol } = server.kind
  const numbers = Object.entries({ port: server.port, ...options }).map(([key, value]) => `${key}=${value}`)
  const texts = [
    `wait=${wait}`,
    `protocol=${protocol === 'probe' ? 'probe' : 'lines'}`,
    `prefix=${protocol === 'greet' ? greeting : ''}`,
  ]
  const command = [program, mode, ...numbers, ...texts]
  const child = spawn('taskset', ['-c', harnessCore, ...command], { stdio: ['pipe', 'pipe', 'inherit'] })
  killAtExit(child)
  let text = ''
  const firstLine = new Promise<void>(resolve => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve()
    })
  })
  const ended = new Promise<string[]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(text.trimEnd().split('\n'))
      else if (code === exitUnsupported) reject(new UnsupportedProtocol(`${name}: does not speak ${protocol}, version 1`))
      else reject(new Error(`${name}: ${command.join(' ')}: ${signal ?? `exit code ${code}`}`))
    })
  })
  return { process: child, firstLine, ended }
}
