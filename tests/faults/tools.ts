import { execFile } from 'node:child_process'
import { accessSync } from 'node:fs'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Each command that the laboratory runs, with the Debian package that has it. */
const PACKAGES = {
  ip: 'iproute2',
  iptables: 'iptables',
  conntrack: 'conntrack',
  haproxy: 'haproxy',
  curl: 'curl',
  sysctl: 'procps',
  prlimit: 'util-linux',
  '/usr/bin/python3': 'python3',
}

/** Runs a command to its end and returns its output; rejects with its error output when it fails. */
export async function run(command: readonly string[]): Promise<string> {
  const [file = '', ...args] = command
  const { stdout } = await execute(file, args, { timeout: 60_000 })
  return stdout
}

/** Everything this machine lacks for the laboratory, one line each. */
export async function missingTools(): Promise<readonly string[]> {
  const missing: string[] = []
  if (process.getuid?.() !== 0) missing.push('network namespaces need root')
  try {
    accessSync('/dev/net/tun')
  } catch {
    missing.push('/dev/net/tun does not exist: load the kernel module tun')
  }
  for (const [command, name] of Object.entries(PACKAGES)) {
    await run(['sh', '-c', `command -v ${command}`]).catch(() =>
      missing.push(`${command} is not installed: apt-get install ${name}`),
    )
  }
  return missing
}
