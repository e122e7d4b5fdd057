import { execFile } from 'node:child_process'
import { DEADLINE_MS } from './until.ts'

/** A loopback with the MTU of Ethernet, and an echo server on port 7007, which takes its time to answer what came before a FIN. */
const SETUP = `
ip link set lo up mtu 1500
socat -t 60 TCP-LISTEN:7007,fork,reuseaddr,backlog=128 EXEC:cat &
until grep -q ':1B5F ' /proc/net/tcp; do sleep 0.05; done`

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const UNSHARE = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-ec']

/** Runs a shell script in a network namespace of its own, where firewall rules disturb nothing else. */
export function inNamespace(script: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile('unshare', [...UNSHARE, script], { timeout: 3 * DEADLINE_MS }, (_, stdout, stderr) => {
      if (stdout === '') reject(new Error(stderr))
      else resolve({ status: child.exitCode, stdout, stderr })
    })
  })
}

/** A command that runs another one in a namespace with the echo server, after these commands. */
export function behind(rules: readonly string[]): string[] {
  return ['unshare', ...UNSHARE, [SETUP, ...rules, 'exec "$@"'].join('\n'), 'sh']
}

/** Runs a client of the echo server after these commands. */
export function clientBehind(rules: readonly string[], client: string): Promise<Ended> {
  return inNamespace(
    [SETUP, ...rules, `${process.execPath} --conditions=source services/client/src/main.ts ${client}`].join('\n'),
  )
}
