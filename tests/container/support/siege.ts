import { connect, type Socket } from 'node:net'

const LINE_ENDS = Buffer.alloc(2 ** 19, '\n')
const TEXT = Buffer.alloc(2 ** 20, 'x')
/** A PING of a megabyte, and the first of its bytes. */
const HALF_FRAME = Buffer.concat([Buffer.from('000f424002', 'hex'), Buffer.alloc(60_000)])

/** What hostile peers send: floods whose replies they do not read, half a frame, half a PROXY header, a byte now and then. */
const kinds: readonly { readonly port: number; readonly bytes: Buffer | string; readonly repeated?: boolean }[] = [
  { port: 1234, bytes: LINE_ENDS },
  { port: 7007, bytes: TEXT },
  { port: 7000, bytes: HALF_FRAME },
  { port: 1235, bytes: 'PROXY TCP4 ' },
  { port: 1234, bytes: 'x', repeated: true },
]

/** Hostile peers. */
export class Siege {
  readonly #host: string
  readonly #open = new Set<Socket>()
  readonly #repeating = new Set<Socket>()
  readonly #timer = setInterval(() => this.#repeat(), 1_000)

  constructor(host: string) {
    this.#host = host
  }

  /** Connects, some at a time. The server may close these connections at once. */
  async connect(connections: number): Promise<void> {
    for (let opened = 0; opened < connections; opened += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => this.#connect(opened + index)))
    }
  }

  end(): void {
    clearInterval(this.#timer)
    for (const socket of this.#open) socket.destroy()
  }

  #connect(index: number): Promise<void> {
    const { port, bytes, repeated } = kinds[index % kinds.length] as (typeof kinds)[number]
    const socket = connect({ host: this.#host, port })
    this.#open.add(socket)
    socket.pause()
    socket.write(bytes)
    if (repeated) this.#repeating.add(socket)
    return new Promise(resolve => {
      socket.on('connect', resolve)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#open.delete(socket)
        this.#repeating.delete(socket)
        resolve()
      })
    })
  }

  #repeat(): void {
    for (const socket of this.#repeating) socket.write('x')
  }
}
