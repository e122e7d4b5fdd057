import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { until } from '../process/support/until.ts'

/** A process beside the test that says "ready", answers each command with "ok", and stops at the end of its input. */
export class Helper implements AsyncDisposable {
  /** Other lines it wrote. */
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  #replies = 0
  #stderr = ''

  constructor(command: readonly string[]) {
    const [file = '', ...args] = command
    this.#process = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#exited = once(this.#process, 'exit').catch(() => {})
    this.#process.stdin?.on('error', () => {})
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', line => {
      if (line === 'ready' || line === 'ok') this.#replies++
      else this.lines.push(line)
    })
  }

  /** Resolves when the process is ready. */
  started(): Promise<void> {
    return this.#reply(1)
  }

  /** Sends a command and resolves when it has taken effect. */
  command(line: string): Promise<void> {
    const expected = this.#replies + 1
    this.#process.stdin?.write(`${line}\n`)
    return this.#reply(expected)
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async #reply(expected: number): Promise<void> {
    await until(`${this.#process.spawnargs.join(' ')} to reply`, () => {
      const { exitCode, signalCode } = this.#process
      if (exitCode !== null || signalCode !== null) throw new Error(`${this.#process.spawnargs.join(' ')}: ${this.#stderr}`)
      return this.#replies >= expected
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }
}

/** A program of this folder, in Debian's Python. */
export function python(within: readonly string[], file: string, ...args: readonly string[]): Helper {
  return new Helper([...within, '/usr/bin/python3', `${import.meta.dirname}/${file}`, ...args])
}
