import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { DEADLINE_MS, until } from './until.ts'

/**
 * A bare TCP client that does nothing by itself: it does not answer a FIN, and reads only on request. `await using` closes it.
 */
export class Peer implements AsyncDisposable {
  readonly socket: Socket
  /** The local port. */
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

  /** @param to a port on 127.0.0.1, a path, or the options of `net.connect` */
  static async connect(to: number | string | NetConnectOpts, { reading = true } = {}): Promise<Peer> {
    const where = typeof to === 'number' ? { host: '127.0.0.1', port: to } : typeof to === 'string' ? { path: to } : to
    const socket = connect({ ...where, allowHalfOpen: true, noDelay: true })
    await once(socket, 'connect', { signal: AbortSignal.timeout(DEADLINE_MS) })
    return new Peer(socket, reading)
  }

  /** Starts or resumes reading. */
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

  /** Sent bytes that the kernel has accepted. */
  get sentBytes(): number {
    return this.socket.bytesWritten - this.socket.writableLength
  }

  send(data: string | Buffer): void {
    this.socket.write(data)
  }

  /** Sends FIN after all written bytes. */
  end(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Sends a text and waits for the expected reply; fails if it differs. */
  async ask(request: string, reply: string): Promise<void> {
    const before = this.text
    this.send(request)
    await this.receives(before + reply)
  }

  /** Waits until exactly this text has been received since the start. */
  async receives(text: string): Promise<void> {
    const size = Buffer.byteLength(text)
    await until(`${size} bytes, there are ${this.bytes.length}`, () => this.closed || this.fin || this.bytes.length >= size)
    if (this.text !== text) throw new Error(`received ${JSON.stringify(this.text)} in place of ${JSON.stringify(text)}`)
  }

  /** Waits for the server's FIN; fails if the connection is reset instead. */
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
      // In batches: a burst beyond the accept queue would lose SYNs, which are retransmitted after a second.
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

  /** Sends bytes one by one on some of the connections, until the server has closed all. */
  async trickle(bytes: Buffer, some: readonly Peer[] = this.all): Promise<void> {
    let sent = 0
    const timer = setInterval(() => {
      for (const { socket } of some) socket.write(bytes.subarray(sent, sent + 1))
      sent++
    }, 50)
    try {
      await until('all to be closed', () => this.all.every(peer => peer.fin || peer.closed))
    } finally {
      clearInterval(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map(peer => peer[Symbol.asyncDispose]()))
  }
}
