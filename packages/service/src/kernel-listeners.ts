import { type FileHandle, open } from 'node:fs/promises'
import { endOf, type KernelSocket, parseRow } from './kernel-table.ts'

const CHUNK_BYTES = 65_536

/** The local address and the rest of a row in state LISTEN. */
const LISTENER = /^ *\d+: (\S+) 0+:0000 (0A .*)$/gm

/** A row of a socket in any state but LISTEN. */
const CONNECTION = /^ *\d+: \S+ \S+ (?!0A)/m

/**
 * Reads the kernel's rows of listeners: the `unreadBytes` of one is the length of its accept queue. Of several that share an address
 * and port (reuse-port), it is the one with the longest queue, because the rows do not name their process.
 */
export class KernelListeners {
  readonly #folder: string

  /** @param folder where `tcp` and `tcp6` are */
  constructor(folder = '/proc/net') {
    this.#folder = folder
  }

  /** Returns the row of each listener; undefined where the kernel has none, or the platform no such table. */
  async find(listeners: readonly { readonly address: string; readonly port: number }[]): Promise<(KernelSocket | undefined)[]> {
    const rows = new Map<string, KernelSocket>()
    for (const name of ['tcp', 'tcp6']) addListeners(rows, await readListeners(`${this.#folder}/${name}`))
    return listeners.map(({ address, port }) => rows.get(endOf(address, port) ?? ''))
  }
}

function addListeners(rows: Map<string, KernelSocket>, file: string): void {
  for (const [, address = '', text] of file.matchAll(LISTENER)) {
    const row = parseRow(text)
    const found = rows.get(address)
    if (row !== undefined && (found === undefined || row.unreadBytes > found.unreadBytes)) rows.set(address, row)
  }
}

/** Listeners come first in the table: ten thousand connections behind them are not read. */
async function readListeners(path: string): Promise<string> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let text = ''
    for (;;) {
      const { bytesRead } = await file.read(chunk)
      text += chunk.toString('latin1', 0, bytesRead)
      if (bytesRead === 0 || CONNECTION.test(text)) return text
    }
  } catch {
    return ''
  } finally {
    await file?.close()
  }
}
