import { rmSync } from 'node:fs'
import { run } from './tools.ts'

/** Addresses in the namespaces of a network. They are the same in each: no two networks can reach each other. */
export const CLIENT = '10.77.1.2'
export const PATH = '10.77.1.1'
export const SERVER = '10.77.2.2'
export const OTHER_SERVERS = ['10.77.2.3', '10.77.2.4', '10.77.2.5'] as const

export type Place = 'client' | 'path' | 'server'
const PLACES: readonly Place[] = ['client', 'path', 'server']
const PREFIX = 'nihao-faults'

/** The link from the client to the path: a pair of Ethernet devices, or a pair of TUN devices that path.py connects. */
export type Link = 'veth' | 'tun'

/** Three network namespaces in a row, client — path — server, where the path is a router. */
export class Network implements AsyncDisposable {
  static #count = 0
  readonly #name = `${PREFIX}-${process.pid}-${++Network.#count}`

  namespace(place: Place): string {
    return `${this.#name}-${place}`
  }

  /** What comes before a command that runs in a namespace. */
  within(place: Place): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace(place)]
  }

  /** Runs a shell script in a namespace. */
  run(place: Place, script: string): Promise<string> {
    return run([...this.within(place), 'sh', '-ec', script])
  }

  async create(link: Link): Promise<void> {
    for (const place of PLACES) await run(['ip', 'netns', 'add', this.namespace(place)])
    await this.run(
      'path',
      `ip link add server type veth peer name eth0 netns ${this.namespace('server')}
      ${link === 'veth' ? `ip link add client type veth peer name eth0 netns ${this.namespace('client')}` : ''}
      ip address add 10.77.2.1/24 dev server
      ip link set server up
      sysctl -qw net.ipv4.ip_forward=1`,
    )
    await this.run(
      'server',
      `ip link set lo up
      ip address add ${SERVER}/24 dev eth0
      ${OTHER_SERVERS.map(address => `ip address add ${address}/24 dev eth0`).join('\n')}
      ip link set eth0 up
      ip route add default via 10.77.2.1`,
    )
  }

  /** Configures the client's link, once both of its devices exist in the namespace of the path. */
  async connectClient(link: Link): Promise<void> {
    await this.run(
      'path',
      `${link === 'tun' ? `ip link set eth0 netns ${this.namespace('client')}` : ''}
      ip address add ${PATH}/24 dev client
      ip link set client up`,
    )
    await this.run(
      'client',
      `ip link set lo up
      ip address add ${CLIENT}/24 dev eth0
      ip link set eth0 up
      ip route add default via ${PATH}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const place of PLACES) await removeNamespace(this.namespace(place))
  }
}

/** Ends the processes in a namespace and deletes it; one that does not exist is no error. */
async function removeNamespace(namespace: string): Promise<void> {
  const pids = await run(['ip', 'netns', 'pids', namespace]).catch(() => '')
  for (const pid of pids.split('\n').filter(line => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  await run(['ip', 'netns', 'delete', namespace]).catch(() => {})
  // Files that replace those of /etc in the namespace; see ip-netns(8).
  rmSync(`/etc/netns/${namespace}`, { recursive: true, force: true })
}

/** Removes the namespaces of runners that were killed before they could do it. */
export async function removeAbandonedNetworks(): Promise<void> {
  const list = await run(['ip', 'netns', 'list'])
  for (const [namespace, pid] of list.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\d+-\\w+`, 'gm'))) {
    if (!isRunning(Number(pid))) await removeNamespace(namespace)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
