import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { DEADLINE_MS, until } from './until.ts'

/**
 * A bare TCP client that does nothing by itself: it does not answer a FIN, and reads only when it may. `await using` closes it.
 */
export class Peer implements AsyncDisposable {
  readonly socket: Socket
  /** This side's own port. */
  readonly port: number
  /** The server has closed its side. */
  fin = false
  closed = false
  error: NodeJS.ErrnoException | undefined
  readonly #chunks: Buffer[] = []

  private constructor(socket: Socket, reading: boolean) {
    this.socket = socket
    this.port = socket.localPort ?? Number.NaN
    socket.on('end', () => {
      this.fin = true
    })
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', error => {
      this.error = error
    })
    if (reading) this.read()
  }

  /** @param to a port on 127.0.0.1, a path, or what `net.connect` takes */
  static async connect(to: number | string | NetConnectOpts, { reading = true } = {}): Promise<Peer> {
    const where = typeof to === 'number' ? { host: '127.0.0.1', port: to } : typeof to === 'string' ? { path: to } : to
    const socket = connect({ ...where, allowHalfOpen: true, noDelay: true })
    await once(socket, 'connect', { signal: AbortSignal.timeout(DEADLINE_MS) })
    return new Peer(socket, reading)
  }

  /** Begins or goes on to read. */
  read(): void {
    if (this.socket.listenerCount('data') === 0) this.socket.on('data', chunk => this.#chunks.push(chunk))
    this.socket.resume()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString()
  }

  /** Bytes that the kernel has taken from this side. */
  get sentBytes(): number {
    return this.socket.bytesWritten - this.socket.writableLength
  }

  send(data: string | Buffer): void {
    this.socket.write(data)
  }

  /** Sends FIN behind what was sent. */
  end(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Sends a text and waits for what must come back for it; fails when something else does. */
  async ask(request: string, reply: string): Promise<void> {
    const before = this.text
    this.send(request)
    await this.receives(before + reply)
  }

  /** Waits until exactly this has come since the beginning. */
  async receives(text: string): Promise<void> {
    const size = Buffer.byteLength(text)
    await until(`${size} bytes, there are ${this.bytes.length}`, () => this.closed || this.fin || this.bytes.length >= size)
    if (this.text !== text) throw new Error(`received ${JSON.stringify(this.text)} in place of ${JSON.stringify(text)}`)
  }

  /** Waits for the server's FIN; fails when a reset comes in its place. */
  async finished(timeoutMs?: number): Promise<void> {
    await until('a FIN from the server', () => this.fin || this.closed, timeoutMs)
    if (!this.fin) throw this.error ?? new Error('the connection ended without a FIN')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await until('the socket to close', () => this.closed)
  }
}

/** Several peers at once, closed together. */
export class Peers implements AsyncDisposable {
  readonly all: Peer[] = []

  static async connect(count: number, port: number): Promise<Peers> {
    const peers = new Peers()
    try {
      // Some at a time: a burst beyond the listen queue would be seen as lost SYNs, a second late.
      for (let open = 0; open < count; open += 200) {
        const some = Array.from({ length: Math.min(200, count - open) }, () => Peer.connect(port))
        for (const settled of await Promise.allSettled(some)) {
          if (settled.status === 'rejected') throw settled.reason
          peers.all.push(settled.value)
        }
      }
      return peers
    } catch (error) {
      await peers[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map(peer => peer[Symbol.asyncDispose]()))
  }
}
