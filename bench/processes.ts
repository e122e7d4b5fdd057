import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ServerKind } from './servers.ts'

/** The core reserved for the measured server. */
export const serverCore = '0'
/** The core of the load generator and everything else. */
export const harnessCore = '1'

const root = join(import.meta.dirname, '..')
const startTimeoutMs = 20_000

/** A started server. */
export type RunningServer = { kind: ServerKind; pid: number; port: number; stop: () => Promise<void> }

const running = new Set<ChildProcess>()

// SIGKILL, because draining would take seconds, and all connections are already closed.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Kills the process when this one ends. */
export function killAtExit(child: ChildProcess): void {
  running.add(child)
  child.once('close', () => running.delete(child))
}

/** Starts a server on its own core and waits for its port. */
export async function startServer(kind: ServerKind): Promise<RunningServer> {
  if (kind.command === undefined) throw new Error(`${kind.name}: toolchain missing`)
  const child = spawn('taskset', ['-c', serverCore, ...kind.command], {
    cwd: root,
    env: { ...withoutSettings(process.env), ...kind.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  killAtExit(child)
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const stop = () => {
    child.kill('SIGKILL')
    return ended
  }
  try {
    const port = await readPort(child, kind)
    if (child.pid === undefined) throw new Error(`${kind.name}: no process id`)
    return { kind, pid: child.pid, port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts the servers, passes them to `action`, and stops them. */
export async function withServers<T>(kinds: ServerKind[], action: (servers: RunningServer[]) => Promise<T>): Promise<T> {
  const servers: RunningServer[] = []
  try {
    for (const kind of kinds) servers.push(await startServer(kind))
    return await action(servers)
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

// The servers are measured with their default settings.
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('NIHAO_')))
}

// As in a container, stdout is a pipe whose reader runs on another core, so that logging costs the same.
function readPort(child: ChildProcessByStdio<null, Readable, null>, kind: ServerKind): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`${kind.name}: no port within ${startTimeoutMs} ms`)), startTimeoutMs)
    const onData = (chunk: Buffer) => {
      text += chunk.toString()
      const lines = text.split('\n').slice(0, -1)
      const port = lines.map(kind.portIn).find(value => value !== undefined)
      if (port === undefined) return
      clearTimeout(timer)
      child.stdout.off('data', onData).resume()
      resolve(port)
    }
    child.stdout.on('data', onData)
    child.once('error', reject)
    child.once('exit', code => {
      clearTimeout(timer)
      reject(new Error(`${kind.name}: exited with code ${code} before it reported a port`))
    })
  })
}
