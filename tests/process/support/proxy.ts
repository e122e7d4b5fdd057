import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './scripted-server.ts'
import { until } from './until.ts'

/** haproxy or nginx in the foreground, with a minimal configuration; `await using` ends it. */
export class RunningProxy implements AsyncDisposable {
  readonly port: number
  readonly #folder: string
  readonly #child: ChildProcess
  #said = ''

  private constructor(port: number, folder: string, command: string, args: readonly string[]) {
    this.port = port
    this.#folder = folder
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
      })
    }
  }

  /** @param server the arguments after the name in haproxy's `server` line, such as `127.0.0.1:1234 send-proxy` */
  static haproxy(server: string): Promise<RunningProxy> {
    const config = (port: number) => `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen test
  bind 127.0.0.1:${port}
  server nihao ${server}
`
    return RunningProxy.#start('haproxy', config, (_, file) => ['-db', '-f', file])
  }

  /** @param server the lines of nginx's stream `server` block, without `listen` */
  static nginx(listen: string, server: string): Promise<RunningProxy> {
    const config = (port: number, folder: string) => `
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
stream {
  server {
    listen 127.0.0.1:${port} ${listen};
    ${server}
  }
}
`
    return RunningProxy.#start('nginx', config, (folder, file) => ['-p', folder, '-c', file, '-e', 'stderr'])
  }

  static async #start(
    command: string,
    config: (port: number, folder: string) => string,
    args: (folder: string, file: string) => string[],
  ): Promise<RunningProxy> {
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), `nihao-${command}-`))
    const file = join(folder, 'config')
    writeFileSync(file, config(port, folder))
    const proxy = new RunningProxy(port, folder, command, args(folder, file))
    try {
      await until(`${command} to listen`, () => proxy.#listens())
      return proxy
    } catch (error) {
      await proxy[Symbol.asyncDispose]()
      throw new Error(`${(error as Error).message}: ${proxy.#said}`)
    }
  }

  /** A silent connection also reaches the server behind the proxy. */
  #listens(): Promise<boolean> {
    return new Promise(resolve => {
      const socket = connect(this.port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise(resolve => this.#child.once('close', resolve))
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL')
      await exited
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
