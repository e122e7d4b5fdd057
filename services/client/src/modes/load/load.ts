import type { Logger } from '@nihao/service'
import { round } from '../../round.ts'
import type { LoadConfig } from '../../settings.ts'
import { bottlenecks, busiest, measureCpu } from './client-usage.ts'
import { mergeConnections, mergeMeasurements } from './merge-measurements.ts'
import { type Report, type TargetReport, targetReport } from './report.ts'
import { LocalLoad, type NotConnected, type Progress, type ThreadLoad, type ThreadResult } from './thread-load.ts'
import { WorkerLoad } from './worker-load.ts'

export type Interrupt = 'SIGINT' | 'SIGTERM'

/** The results of a load, or of several. */
export interface Outcome extends Pick<Report, 'reports' | 'client'> {
  readonly startedAt: Date
  readonly interrupted: Interrupt | undefined
  readonly targets: readonly TargetReport[]
}

/** A load on all targets in parallel, on one or more threads: connects, warms up, measures, closes. */
export class Load {
  readonly #config: LoadConfig
  readonly #threads: readonly ThreadLoad[]
  #interrupted: Interrupt | undefined

  constructor(config: LoadConfig, logger: Logger) {
    this.#config = config
    // A thread without connections has nothing to do.
    const threads = Math.min(config.threads, Math.max(...config.targetConfigs.map(({ values }) => values.connections)))
    this.#threads =
      threads === 1
        ? [new LocalLoad(config, logger)]
        : Array.from({ length: threads }, (_, thread) => new WorkerLoad(config, { thread, threads }))
  }

  /** Ends the load early; `run` resolves when all started exchanges are complete. */
  stop(interrupt: Interrupt): void {
    this.#interrupted = interrupt
    for (const thread of this.#threads) thread.stop()
  }

  async run(): Promise<Outcome> {
    const startedAt = new Date()
    const attempts = await this.#all(thread => thread.connect())
    const failures = this.#config.targetConfigs.map(({ label }) => notConnected(attempts.map(attempt => attempt.get(label))))
    const ready = failures.every(failure => failure === null)

    if (ready && this.#interrupted === undefined) await this.#all(thread => thread.warmUp())
    const cpuSeconds = measureCpu()
    await this.#all(thread => thread.measure(ready && this.#interrupted === undefined))
    const usedCpuSeconds = cpuSeconds()

    const results = await this.#all(thread => thread.close())
    const targets = failures.map((failure, index) => this.#targetReport(index, failure, results))
    const usage = { threads: this.#threads.length, ...busiest(results.map(({ loop }) => loop)), cpuSeconds: usedCpuSeconds }
    const lags = targets.map(({ scheduleLagMs }) => scheduleLagMs)
    return {
      startedAt,
      interrupted: this.#interrupted,
      reports: 1,
      client: ready ? { ...usage, bottlenecks: bottlenecks(usage, lags) } : null,
      targets,
    }
  }

  /** What each thread has done so far. */
  progress(): Promise<Progress[]> {
    return this.#all(thread => thread.progress())
  }

  #all<Result>(phase: (thread: ThreadLoad) => Promise<Result>): Promise<Result[]> {
    return Promise.all(this.#threads.map(phase))
  }

  #targetReport(index: number, failure: NotConnected | null, results: readonly ThreadResult[]): TargetReport {
    const { label, values } = this.#config.targetConfigs[index] as LoadConfig['targetConfigs'][number]
    const parts = results.flatMap(({ targets }) => targets.filter(({ target }) => target === label))
    const measurement = mergeMeasurements(parts.map(part => part.measurement))
    // The schedule of all threads ends when the first of them would have started another exchange. A rate over less would be too high.
    const scheduledMs = Math.min(...parts.map(part => part.scheduledMs))
    return targetReport({
      target: label,
      notConnected: failure,
      settings: values,
      measurement: { ...measurement, elapsedMs: Math.max(measurement.elapsedMs, round(scheduledMs)) },
      connections: mergeConnections(parts.map(part => part.connections)),
    })
  }
}

/** Why no thread has a connection to a target; null if one has. Undefined is a thread that needs none. */
function notConnected(attempts: readonly (NotConnected | null | undefined)[]): NotConnected | null {
  const tried = attempts.filter(attempt => attempt !== undefined)
  return tried.includes(null) ? null : (tried[0] ?? null)
}
