import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file that exists until it is disposed. */
export class TemporaryFile implements AsyncDisposable {
  readonly path: string
  readonly #folder: string

  constructor(folder: string, name: string, text: string) {
    this.#folder = folder
    this.path = join(folder, name)
    writeFileSync(this.path, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Makes processes that start in a namespace from now on ask this name server; see ip-netns(8). */
export function useNameServer(namespace: string, address: string): TemporaryFile {
  const folder = `/etc/netns/${namespace}`
  mkdirSync(folder, { recursive: true })
  return new TemporaryFile(folder, 'resolv.conf', `nameserver ${address}\noptions timeout:5 attempts:1\n`)
}

/** A configuration for haproxy that forwards each of these ports to the same port of the servers in turn. */
export function proxyConfiguration(
  address: string,
  ports: readonly number[],
  { servers, idleTimeout }: { readonly servers: readonly string[]; readonly idleTimeout: string },
): TemporaryFile {
  const limits = `timeout connect 1s\n  timeout client ${idleTimeout}\n  timeout server ${idleTimeout}\n`
  const listeners = ports.map(port => {
    const lines = servers.map(server => `  server server${server} ${server}:${port}\n`)
    return `listen port${port}\n  bind ${address}:${port}\n${lines.join('')}`
  })
  const folder = mkdtempSync(join(tmpdir(), 'nihao-faults-'))
  return new TemporaryFile(folder, 'haproxy.cfg', `defaults\n  mode tcp\n  ${limits}${listeners.join('')}`)
}
