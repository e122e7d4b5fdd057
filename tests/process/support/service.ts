import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEADLINE_MS, until } from './until.ts'

const ROOT = join(import.meta.dirname, '../../..')
const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
/** Variables that every process inherits from the tests. */
const shared = { PATH, NODE_COMPILE_CACHE }

export interface StartOptions {
  /** The whole environment of the process, except PATH and the compile cache. */
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** A command that executes the rest of its command line, such as `nice`. */
  readonly within?: readonly string[]
  /** The limit of open files, soft and hard. */
  readonly openFiles?: number
  /** A file descriptor to use as stdout instead of the pipe that `lines` reads. */
  readonly stdout?: number
}

export interface LogLine {
  readonly level: string
  readonly time: string
  readonly service: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

/** Memory figures of one process from the kernel, in bytes. */
export interface Memory {
  readonly residentBytes: number
  /** The peak since the start or since `resetPeak`. */
  readonly peakBytes: number
}

/** A service in a separate process, run from the source tree. `await using` ends it, even if the test fails. */
export class Service implements AsyncDisposable {
  /** The lines on stdout so far. */
  readonly lines: string[] = []
  readonly exited: Promise<Exit>
  readonly #process: ChildProcess
  #stdout = ''
  #stderr = ''
  #closed = false

  /** @param main path of the entry point in the source tree, such as services/server/src/main.ts */
  constructor(main: string, { env, args = [], within = [], openFiles, stdout }: StartOptions = {}) {
    const command = [...within, process.execPath, '--conditions=source', join(ROOT, main), ...args]
    const [file = '', ...rest] =
      openFiles === undefined ? command : ['sh', '-c', `ulimit -n ${openFiles} && exec "$@"`, 'sh', ...command]
    this.#process = spawn(file, rest, {
      cwd: ROOT,
      env: { ...shared, ...env },
      stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#stdout + text).split('\n')
      this.#stdout = lines.pop() ?? ''
      this.lines.push(...lines)
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code, signal) => {
        this.#closed = true
        resolve({ code, signal, stderr: this.#stderr })
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? Number.NaN
  }

  /** The text on stderr so far. */
  get stderr(): string {
    return this.#stderr
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Closes the reading end of stdout: the next write to it fails with EPIPE. */
  closeStdout(): void {
    this.#process.stdout?.destroy()
  }

  /** Log lines so far that have all these fields. */
  logged(fields: Readonly<Record<string, unknown>> = {}): LogLine[] {
    return this.lines
      .map(line => JSON.parse(line) as LogLine)
      .filter(line => Object.entries(fields).every(([name, value]) => line[name] === value))
  }

  /** Waits for the first log line that has all these fields. */
  async log(fields: Readonly<Record<string, unknown>>, timeoutMs = DEADLINE_MS): Promise<LogLine> {
    return until(`log line ${JSON.stringify(fields)}`, () => this.#line(fields), timeoutMs)
  }

  #line(fields: Readonly<Record<string, unknown>>): LogLine | undefined {
    const [line] = this.logged(fields)
    // Not when the process exits, because its last lines may still be in the pipe.
    if (line === undefined && this.#closed) {
      throw new Error(
        `the process ended without a log line ${JSON.stringify(fields)}:\n${this.lines.join('\n')}\n${this.#stderr}`,
      )
    }
    return line
  }

  /** Waits for the exit; fails if it takes longer than this. */
  async exit(timeoutMs = DEADLINE_MS): Promise<Exit> {
    await until('the process to end', () => !this.running, timeoutMs)
    return this.exited
  }

  memory(): Memory {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024
    return { residentBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') }
  }

  /** Resets the peak; see proc_pid_clear_refs(5). */
  resetPeak(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.exited
  }
}
