import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net'

/** What a scripted server does with a new connection. */
export type Script = (socket: Socket) => void

/** Sends back what comes, as it comes, and its FIN after that of the client. */
export const echo: Script = socket => {
  socket.pipe(socket)
}

/** A TCP server of a few lines in the process of the test, which does what the test wants, right or wrong. */
export class ScriptedServer implements AsyncDisposable {
  /** For the connections to come. */
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

  /** Closes what is open, and has the connections to come be served in another way. */
  become(script: Script): void {
    this.script = script
    for (const socket of this.open) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.open) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

/**
 * A port on which nothing listens. It is below the range from which the kernel picks ports, so that no other test gets it by chance,
 * as a server with port 0 or as a client.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768)
    try {
      await using _server = await ScriptedServer.listen(() => {}, { port })
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}
