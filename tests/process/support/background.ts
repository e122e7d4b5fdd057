import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A command that runs during the test, with its children; `await using` ends them. */
export class Background implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>

  constructor(command: string, args: readonly string[]) {
    // In its own process group, so that a server that forks is ended with its children, and with a time limit as a fallback.
    this.#process = spawn('timeout', ['300', command, ...args], { stdio: 'ignore', detached: true })
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
