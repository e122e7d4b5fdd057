import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Programs } from './build.ts'

/** The core that the measured server has to itself, and the core of everything else: load generator and harness. */
export const serverCore = '0'
export const harnessCore = '1'

const root = join(import.meta.dirname, '..')
const startTimeoutMs = 20_000

/** A server to measure. */
export type ServerKind = {
  name: string
  /** `undefined`: its toolchain is missing here. */
  command: string[] | undefined
  environment?: Record<string, string>
  /** What it puts in front of every line. */
  greeting?: string
  /** The port, when this line of its output tells it. */
  portIn: (line: string) => number | undefined
}

/** A started server. */
export type RunningServer = { kind: ServerKind; pid: number; port: number; stop: () => Promise<void> }

/** All servers of a run. Bare Node is the yardstick; its twin shows how far two equal servers come out apart. */
export function serverKinds(programs: Programs): ServerKind[] {
  const bareNode = { command: [process.execPath, join(import.meta.dirname, 'servers', 'bare-node.mjs')], portIn: barePort }
  return [
    { name: 'bare Node', ...bareNode },
    { name: 'bare Node again', ...bareNode },
    nihao('echo', '', programs),
    nihao('greet', '你好，', programs),
    { name: 'Go net', command: programs.echoGo === undefined ? undefined : [programs.echoGo], portIn: barePort },
    { name: 'C epoll', command: [programs.echoC], portIn: barePort },
  ]
}

// The server as it is shipped, with metrics, limits and log at their defaults, and with two listeners, of which one gets the load.
function nihao(protocol: string, greeting: string, { nihaoServer }: Programs): ServerKind {
  return {
    name: `nihao ${protocol}`,
    command: [process.execPath, nihaoServer],
    environment: { NIHAO_LISTEN: 'greet://127.0.0.1:0 echo://127.0.0.1:0', NIHAO_ADMIN_HOST: '127.0.0.1', NIHAO_ADMIN_PORT: '0' },
    greeting,
    portIn: line => listeningPort(line, protocol),
  }
}

function barePort(line: string): number | undefined {
  return /^\d+$/.test(line) ? Number(line) : undefined
}

function listeningPort(line: string, protocol: string): number | undefined {
  const entry = JSON.parse(line) as { msg?: string; listener?: string; port?: number }
  return entry.msg === 'listening' && entry.listener?.startsWith(`${protocol}:`) ? entry.port : undefined
}

const running = new Set<ChildProcessByStdio<null, Readable, null>>()

// SIGKILL: a drain would cost seconds for connections that are all closed already.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a server on its own core and waits for its port. It is killed at the latest when this process ends. */
export async function startServer(kind: ServerKind): Promise<RunningServer> {
  if (kind.command === undefined) throw new Error(`${kind.name}: its toolchain is missing`)
  const child = spawn('taskset', ['-c', serverCore, ...kind.command], {
    cwd: root,
    env: { ...withoutSettings(process.env), ...kind.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
    running.delete(child)
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

// A setting of whoever runs the benchmark would no longer be the default.
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('NIHAO_')))
}

// As in a container, standard output is a pipe whose reader runs elsewhere: writing the log costs the server what it costs there,
// reading it costs the other core. Once the port is known the rest is drained unread.
function readPort(child: ChildProcessByStdio<null, Readable, null>, kind: ServerKind): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`${kind.name}: no port within ${startTimeoutMs} ms`)), startTimeoutMs)
    const onData = (chunk: Buffer) => {
      text += chunk.toString()
      const port = text
        .split('\n')
        .slice(0, -1)
        .map(kind.portIn)
        .find(value => value !== undefined)
      if (port === undefined) return
      clearTimeout(timer)
      child.stdout.off('data', onData).resume()
      resolve(port)
    }
    child.stdout.on('data', onData)
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`${kind.name}: ended with code ${code} before it told its port`)))
  })
}
