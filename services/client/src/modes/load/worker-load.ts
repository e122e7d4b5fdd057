import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LoadConfig } from '../../settings.ts'
import type { Share } from './share.ts'
import type { NotConnected, Progress, ThreadLoad, ThreadResult } from './thread-load.ts'

/** What a worker is started with. */
export interface WorkerData {
  readonly config: LoadConfig
  readonly share: Share
}

/** A call of a method of the worker's load. */
export interface Call {
  readonly id: number
  readonly method: keyof ThreadLoad
  readonly argument: boolean | undefined
}

export interface Answer {
  readonly id: number
  readonly result: unknown
}

/** The entry point has the extension of this file: that of the source tree, or that of compiled code. */
const ENTRY = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url)

/** A load in a worker thread. */
export class WorkerLoad implements ThreadLoad {
  readonly #worker: Worker
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>()
  #lastId = 0

  constructor(config: LoadConfig, share: Share) {
    const workerData: WorkerData = { config, share }
    this.#worker = new Worker(ENTRY, { workerData })
    this.#worker.on('message', ({ id, result }: Answer) => {
      this.#calls.get(id)?.resolve(result)
      this.#calls.delete(id)
    })
    this.#worker.on('error', error => {
      for (const call of this.#calls.values()) call.reject(error)
    })
  }

  connect(): Promise<ReadonlyMap<string, NotConnected | null>> {
    return this.#call('connect')
  }

  warmUp(): Promise<void> {
    return this.#call('warmUp')
  }

  measure(generate: boolean): Promise<void> {
    return this.#call('measure', generate)
  }

  async close(): Promise<ThreadResult> {
    const result = await this.#call<ThreadResult>('close')
    await this.#worker.terminate()
    return result
  }

  stop(): void {
    void this.#call('stop')
  }

  progress(): Promise<Progress> {
    return this.#call('progress')
  }

  #call<Result>(method: keyof ThreadLoad, argument?: boolean): Promise<Result> {
    const call: Call = { id: ++this.#lastId, method, argument }
    const answer = Promise.withResolvers<unknown>()
    this.#calls.set(call.id, answer)
    this.#worker.postMessage(call)
    return answer.promise as Promise<Result>
  }
}
