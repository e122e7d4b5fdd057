import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes processes that start in a namespace from now on ask this name server; see ip-netns(8). */
export function useNameServer(namespace: string, address: string): void {
  const folder = `/etc/netns/${namespace}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/resolv.conf`, `nameserver ${address}\noptions timeout:5 attempts:1\n`)
}

/** The configuration of a haproxy, as a file that exists until it is disposed. */
export class ProxyConfiguration implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nihao-faults-'))
  readonly path = join(this.#folder, 'haproxy.cfg')

  /** Forwards each of these ports to the same port of the servers in turn. */
  constructor(address: string, ports: readonly number[], servers: readonly string[], idleTimeout: string) {
    const limits = `timeout connect 1s\n  timeout client ${idleTimeout}\n  timeout server ${idleTimeout}\n`
    const listeners = ports.map(port => {
      const lines = servers.map(server => `  server server${server} ${server}:${port}\n`)
      return `listen port${port}\n  bind ${address}:${port}\n${lines.join('')}`
    })
    writeFileSync(this.path, `defaults\n  mode tcp\n  ${limits}${listeners.join('')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true })
  }
}
