import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FILE_BYTES = 1_000

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
    await writeFile(join(folder, 'hosts'), '')
    await name.resolvesTo()
    return name
  }

  /** Overwrites the file in one write: no look-up finds it empty in between. */
  async resolvesTo(...addresses: string[]): Promise<void> {
    await using file = await open(join(this.#folder, 'hosts'), 'r+')
    await file.write(
      addresses
        .map(address => `${address} ${this.#name}\n`)
        .join('')
        .padEnd(FILE_BYTES, '\n'),
    )
  }

  toString(): string {
    return this.#name
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#folder, { recursive: true })
  }
}
