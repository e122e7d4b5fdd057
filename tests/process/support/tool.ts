import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from '@jest/globals'
import { DEADLINE_MS } from './until.ts'

/** Version output of each tool, to distinguish it from others of the same name. */
const tools = {
  nc: { args: ['-h'], says: /OpenBSD netcat/ },
  socat: { args: ['-V'], says: /socat version/ },
  telnet: { args: ['--help'], says: /telnet/i },
  haproxy: { args: ['-v'], says: /HAProxy version/ },
  nginx: { args: ['-V'], says: /nginx version.*with-stream/s },
  openssl: { args: ['version'], says: /^OpenSSL/ },
  python3: { args: ['--version'], says: /^Python 3/ },
  kubectl: { args: ['version', '--client'], says: /^Client Version/ },
  promtool: { args: ['--version'], says: /^promtool, version/ },
  chromium: { args: ['--version'], says: /Chromium/ },
  script: { args: ['--version'], says: /^script/ },
  /** Perl with its TAP parser. */
  tapParser: { command: 'perl', args: ['-MTAP::Parser', '-e', 'print "here"'], says: /here/ },
  /** With the requirements of a private network namespace: root, and iptables to disturb it. */
  unshare: { args: ['--net', 'iptables', '--list'], says: /Chain INPUT/ },
} as const satisfies Record<string, { command?: string; args: readonly string[]; says: RegExp }>

export type Tool = keyof typeof tools

export function isInstalled(tool: Tool): boolean {
  const { command = tool, args, says }: { command?: string; args: readonly string[]; says: RegExp } = tools[tool]
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: DEADLINE_MS })
  return says.test(`${stdout}${stderr}`)
}

/**
 * A test with an external peer: skipped if the tool is not installed, unless REQUIRE_PEERS=1 makes that a failure.
 * @param kind `test.concurrent` for a test that mostly waits
 */
export function testWith(tool: Tool, name: string, run: () => Promise<void>, kind: Kind = test): void {
  const possible = process.env.REQUIRE_PEERS === '1' || isInstalled(tool)
  if (possible) kind(name, run)
  else test.skip(`${name} (left out: ${tool} is not installed)`, run)
}

type Kind = (name: string, run: () => Promise<void>) => void

export interface Talk {
  readonly exitCode: number | null
  readonly sizeBytes: number
  readonly sha256: string
  /** The first 64 KiB of the output. */
  readonly text: string
}

/** Runs a tool to its end with an input; consumes its output in constant memory. */
export async function talk(tool: Tool, args: readonly string[], input: Iterable<Buffer>, timeoutMs = DEADLINE_MS): Promise<Talk> {
  const child = spawn(tool, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const timeout = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  const hash = createHash('sha256')
  let sizeBytes = 0
  let head = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    sizeBytes += chunk.length
    if (head.length < 65_536) head = Buffer.concat([head, chunk])
  })
  // If a tool exits before it has read everything, its output shows that.
  await pipeline(Readable.from(input), child.stdin).catch(() => {})
  const exitCode = await exited
  clearTimeout(timeout)
  return { exitCode, sizeBytes, sha256: hash.digest('hex'), text: head.toString('utf8', 0, 65_536) }
}
