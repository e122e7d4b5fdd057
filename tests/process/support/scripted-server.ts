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

/** The ports below the ephemeral range, divided between the processes that run test files at the same time. */
const FIRST_PORT = 10_000
const PORTS_PER_WORKER = 2_800
const WORKERS = 8
const ownPorts = FIRST_PORT + (Number(process.env.JEST_WORKER_ID ?? 0) % WORKERS) * PORTS_PER_WORKER
const given = new Set<number>()

/**
 * A port on which nothing listens, and which is given only once. It is below the ephemeral port range, so that no server with port 0 and no
 * client of another test gets it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ownPorts, ownPorts + PORTS_PER_WORKER)
    if (given.has(port)) continue
    given.add(port)
    try {
      await using _server = await ScriptedServer.listen(() => {}, { port })
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}
