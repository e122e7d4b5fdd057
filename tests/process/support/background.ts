import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A command that runs beside the test, with all that it starts; `await using` ends them. */
export class Background implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>

  constructor(command: string, args: readonly string[]) {
    // In a process group of its own, so that a server that forks is ended with its children; and not for ever, should nobody do that.
    this.#process = spawn('timeout', ['120', command, ...args], { stdio: 'ignore', detached: true })
    this.#exited = once(this.#process, 'exit').catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#process
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await this.#exited
  }
}
