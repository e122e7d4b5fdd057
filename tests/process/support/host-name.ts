import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A host name whose addresses a test changes: it is in an /etc/hosts that only the processes `within` have. */
export class HostName implements AsyncDisposable {
  /** Runs a command that can resolve the name; it also sees later changes. */
  readonly within: readonly string[]
  readonly #name = 'many.test'
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
    const mounts = ['hosts', 'nsswitch.conf'].map(file => `mount --bind ${folder}/${file} /etc/${file}`)
    this.within = ['unshare', '--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$@"`, 'sh']
  }

  static async create(): Promise<HostName> {
    const folder = await mkdtemp(join(tmpdir(), 'nihao-hosts-'))
    await writeFile(join(folder, 'nsswitch.conf'), 'hosts: files\n')
    const name = new HostName(folder)
    await name.resolvesTo()
    return name
  }

  resolvesTo(...addresses: string[]): Promise<void> {
    return writeFile(join(this.#folder, 'hosts'), addresses.map(address => `${address} ${this.#name}\n`).join(''))
  }

  toString(): string {
    return this.#name
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#folder, { recursive: true })
  }
}
