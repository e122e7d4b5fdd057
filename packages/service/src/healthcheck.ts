import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

// Docker starts a new process for every health check, and startup is its main cost: it imports as little as possible.

const TIMEOUT_MS = 2_000
const WILDCARDS = ['', '::', '0.0.0.0']

export interface HealthOptions {
  /** The service's command line after the program's name. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The service's default. */
  readonly adminPort: string
  /** Modes without an admin endpoint, healthy while they run. */
  readonly runOnceModes: readonly string[]
}

/** The exit code for a container's HEALTHCHECK: 0 if the service is ready. */
export async function checkHealth({ args, env, adminPort, runOnceModes }: HealthOptions): Promise<0 | 1> {
  const { words, flags } = parse(args)
  const setting = (name: string) => flags.get(name) ?? env[`NIHAO_${name.toUpperCase().replace('-', '_')}`]
  const host = setting('admin-host') ?? ''
  const answer = await readyz(WILDCARDS.includes(host) ? '127.0.0.1' : host, Number(setting('admin-port') ?? adminPort))
  if (answer === 'refused') return runOnceModes.includes(words[0] ?? '') || runOnceModes.includes(setting('mode') ?? '') ? 0 : 1
  return answer === 'ready' ? 0 : 1
}

/** The service's arguments, from the command line of process 1: the service itself, or an init that was given the service's command. */
export function serviceArguments(): string[] {
  try {
    const command = readFileSync('/proc/1/cmdline', 'utf8').split('\0').slice(0, -1)
    const program = command.findIndex(word => word.endsWith('/main.js'))
    return program === -1 ? [] : command.slice(program + 1)
  } catch {
    return []
  }
}

function parse(args: readonly string[]): { words: string[]; flags: Map<string, string> } {
  const words: string[] = []
  const flags = new Map<string, string>()
  for (let index = 0; index < args.length; index++) {
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(args[index] ?? '') ?? []
    if (name === undefined) words.push(args[index] ?? '')
    else flags.set(name, value ?? args[++index] ?? '')
  }
  return { words, flags }
}

/** Uses a bare socket: loading an HTTP client takes longer than the request. */
function readyz(host: string, port: number): Promise<'ready' | 'not_ready' | 'refused'> {
  return new Promise(resolve => {
    let response = ''
    const socket = connect(port, host, () => socket.write('GET /readyz HTTP/1.0\r\n\r\n'))
    socket.setEncoding('latin1')
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
    socket.on('data', text => {
      response += text
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') resolve('refused')
    })
    socket.on('close', () => resolve(/^HTTP\/1\.[01] 200 /.test(response) ? 'ready' : 'not_ready'))
  })
}
