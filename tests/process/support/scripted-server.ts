import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'

/** Handles a new connection of a scripted server. */
export type Script = (socket: Socket) => void

/** Echoes, and half-closes after the client. */
export const echo: Script = socket => {
  socket.pipe(socket)
}

/** A TCP server in the process of the test, with correct or faulty behaviour. */
export class ScriptedServer implements AsyncDisposable {
  /** Handles later connections. */
  script: Script
  /** Connections so far. */
  accepted = 0
  readonly open = new Set<Socket>()
  readonly #server: Server

  private constructor(script: Script) {
    this.script = script
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
      this.accepted++
      this.open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.open.delete(socket))
      this.script(socket)
    })
  }

  static async listen(script: Script, where: ListenOptions = { port: 0 }): Promise<ScriptedServer> {
    const server = new ScriptedServer(script)
    server.#server.listen({ host: '127.0.0.1', ...where })
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Closes open connections and changes the script for later ones. */
  become(script: Script): void {
    this.script = script
    for (const socket of this.open) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Stops listening first: a client that loses its connection must not get another one.
    const closed = new Promise(resolve => this.#server.close(resolve))
    for (const socket of this.open) socket.destroy()
    await closed
  }
}

/**
 * A port on which nothing listens. It is below the ephemeral port range, so that no server with port 0 and no client of another test
 * gets it, and no later call returns it, also in another process.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768)
    try {
      await reserve(port)
      await using _server = await ScriptedServer.listen(() => {}, { port })
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

/**
 * Keeps a port from later calls of `freePort`, by an abstract Unix socket with its number in the name, until this process ends.
 * @throws {Error} EADDRINUSE if it is reserved already
 */
export async function reserve(port: number): Promise<void> {
  const reservation = createServer().unref()
  reservation.listen(`\0nihao-test-port-${port}`)
  await once(reservation, 'listening')
}
