import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { Peer } from './support/peer.ts'
import { echo, freePort, reserve, ScriptedServer } from './support/scripted-server.ts'
import { until } from './support/until.ts'

/** `npm start` as a terminal runs it: with its children in a process group, which a Ctrl-C signals as a whole. */
class Terminal implements AsyncDisposable {
  output = ''
  code: number | null | undefined
  readonly port: number
  readonly #npm: ChildProcess

  private constructor(port: number, env: Record<string, string>) {
    this.port = port
    const urls = { NIHAO_LISTEN: `greet://127.0.0.1:${port}`, NIHAO_TARGETS: `greet://127.0.0.1:${port}` }
    this.#npm = spawn('npm', ['start'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH ?? '', NO_COLOR: '1', NIHAO_ADMIN_PORT: '0', NIHAO_TIMEOUT: '10s', ...urls, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.setEncoding('utf8').on('data', text => {
        this.output += text
      })
    }
    this.#npm.once('close', code => {
      this.code = code
    })
  }

  static async open(env: Record<string, string> = {}): Promise<Terminal> {
    return new Terminal(await freePort(), env)
  }

  ctrlC(): void {
    process.kill(-(this.#npm.pid ?? Number.NaN), 'SIGINT')
  }

  async shows(text: string): Promise<void> {
    await until(`${text} in the output`, () => this.output.includes(text)).catch(error => {
      throw new Error(`${error.message}:\n${this.output}`)
    })
  }

  async exit(): Promise<number | null> {
    await until('the end of npm start', () => this.code !== undefined)
    return this.code ?? null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.code !== undefined) return
    this.ctrlC()
    await this.exit()
  }
}

/** A free port followed by another one. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if ((await isFree(port)) && (await isFree(port + 1)) && (await isReserved(port + 1))) return port
  }
}

const isReserved = (port: number) =>
  reserve(port).then(
    () => true,
    () => false,
  )

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await once(server.listen(port), 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** A service that did not run for two seconds answers that the request did not arrive in time. */
const untilPageHas = (url: string, text: string) =>
  until(`${text} on ${url}`, async () => (await (await fetch(url)).text()).includes(text))

describe('npm start', () => {
  test('runs a server and a client that exchange messages, and exits with 0 on Ctrl-C', async () => {
    await using terminal = await Terminal.open()
    await terminal.shows('nihao-client: first reply {"target":')
    terminal.ctrlC()
    expect(await terminal.exit()).toBe(0)
    for (const program of ['nihao-server', 'nihao-client']) {
      expect(terminal.output.split(`${program}: stopping`)).toHaveLength(2)
      expect(terminal.output.split(`${program}: stopped`)).toHaveLength(2)
    }
    expect(terminal.output).not.toContain('second signal')
    expect(terminal.output).not.toMatch(/WARN|ERROR/)
  })

  test('prints the addresses of the pages when both have started', async () => {
    await using terminal = await Terminal.open({ NIHAO_SUMMARY_INTERVAL: '0s', NIHAO_ADMIN_HOST: '127.0.0.1' })
    await terminal.shows('(server)\n')
    const [, client, server] = /^Open (http:\S+) \(client\) or (http:\S+) \(server\)$/m.exec(terminal.output) ?? []
    for (const [url, name] of [
      [client, 'nihao-client'],
      [server, 'nihao-server'],
    ]) {
      await untilPageHas(url ?? '', name ?? '')
    }
  })

  test('starts the client at every log level, without lines below that level', async () => {
    await using target = await ScriptedServer.listen(echo)
    const env = { NIHAO_LOG_LEVEL: 'warn', NIHAO_DRAIN_DELAY: '0s', NIHAO_TARGETS: `echo://127.0.0.1:${target.port}` }
    await using terminal = await Terminal.open(env)
    await until('the client to connect', () => target.accepted > 0)
    terminal.ctrlC()
    expect(await terminal.exit()).toBe(0)
    expect(terminal.output).not.toMatch(/INFO|WARN/)
  })

  test('passes each program its own settings', async () => {
    const adminPort = await freePortPair()
    const env = { NIHAO_ADMIN_PORT: String(adminPort), NIHAO_DRAIN_DELAY: '0s', NIHAO_INTERVAL: '100ms' }
    await using terminal = await Terminal.open(env)
    await terminal.shows('first reply')
    for (const [port, metric] of [
      [adminPort, 'tcp_server_messages_total'],
      [adminPort + 1, 'tcp_client_exchanges_total'],
    ]) {
      await untilPageHas(`http://127.0.0.1:${port}/metrics`, `\n${metric}{`)
    }
    terminal.ctrlC()
    expect(await terminal.exit()).toBe(0)
    expect(terminal.output).not.toContain('WARN')
  })

  test('lets the server drain after one Ctrl-C, even when the client exits first', async () => {
    // The client waits for its outstanding reply, for longer than a signal counts as the same one.
    await using silent = await ScriptedServer.listen(socket => socket.resume())
    const env = { NIHAO_DRAIN_TIMEOUT: '20s', NIHAO_TARGETS: `echo://127.0.0.1:${silent.port}`, NIHAO_TIMEOUT: '4s' }
    await using terminal = await Terminal.open(env)
    await until('the client to connect', () => [...silent.open].some(({ bytesRead }) => bytesRead > 0))
    await using peer = await Peer.connect(terminal.port)
    await peer.ask('hi\n', '你好，hi\n')
    terminal.ctrlC()
    await terminal.shows('nihao-client: stopped')
    await peer.finished()
    // Longer than what follows the end of the client.
    await new Promise(resolve => setTimeout(resolve, 1_500))
    peer.end()
    expect(await terminal.exit()).toBe(0)
    expect(terminal.output).not.toContain('second signal')
  })

  test('exits with the code of the program that could not start', async () => {
    await using terminal = await Terminal.open({ NIHAO_TARGETS: 'hello://nowhere' })
    expect(await terminal.exit()).toBe(2)
    expect(terminal.output).toContain('nihao-client: NIHAO_TARGETS: hello://nowhere')
    expect(terminal.output).toContain('nihao-server: stopped')
  })
})
