import type { Logger } from '@nihao/service'
import { nonZero } from '../../counters.ts'
import { Histogram } from '../../report/histogram.ts'
import { requestsOf } from '../../requests.ts'
import type { LoadConfig, LoadValues, TargetConfig } from '../../settings.ts'
import { Target } from '../../target.ts'
import type { BrokenTotals } from './broken-connections.ts'
import { type LoopUsage, measureLoop } from './client-usage.ts'
import { Figures, type Measurement } from './figures.ts'
import { type Bounds, Generator } from './generator.ts'
import type { ConnectionTotals } from './merge-measurements.ts'
import { type SavedDistribution, save } from './saved-distribution.ts'
import { connectionsOf, type Share, WHOLE } from './share.ts'

/** Why no load was generated. */
export interface NotConnected {
  readonly reason: string
  readonly message: string | null
}

/** The results of one thread. */
export interface ThreadResult {
  readonly loop: LoopUsage
  /** The targets to which the thread has connections. */
  readonly targets: readonly ThreadTarget[]
}

export interface ThreadTarget {
  readonly target: string
  /** The scheduled duration of an open loop, 0 in a closed loop. */
  readonly scheduledMs: number
  readonly measurement: Measurement
  readonly connections: ConnectionTotals
}

/** What has happened so far, for the status line. */
export interface Progress {
  readonly answered: number
  readonly failed: number
  /** Latencies since the last time; none are kept before the first. */
  readonly recent: SavedDistribution
}

/** The load that one thread generates, in phases: all threads begin each phase together. */
export interface ThreadLoad {
  /** Resolves when every connection has been tried once. @returns for each target why none is open; null if one is */
  connect(): Promise<ReadonlyMap<string, NotConnected | null>>
  warmUp(): Promise<void>
  /** Resolves when all started exchanges are complete. @param generate false to measure that nothing happens */
  measure(generate: boolean): Promise<void>
  /** Closes all connections. */
  close(): Promise<ThreadResult>
  /** Ends the current phase when all started exchanges are complete. */
  stop(): void
  progress(): Promise<Progress>
}

/** Default duration if neither count nor duration is set. */
const DEFAULT_DURATION_MS = 10_000

interface TargetLoad {
  readonly target: Target<LoadValues>
  readonly figures: Figures
  readonly generator: Generator
}

/** A load in the current thread. */
export class LocalLoad implements ThreadLoad {
  readonly #config: LoadConfig
  readonly #targets: readonly TargetLoad[]
  #loop: LoopUsage | undefined
  #measured: { readonly scheduledMs: number; readonly describe: () => Measurement }[] = []

  constructor(config: LoadConfig, logger: Logger, share: Share = WHOLE) {
    this.#config = config
    this.#targets = config.targetConfigs
      .filter(({ values }) => connectionsOf(values.connections, share) > 0)
      .map(targetConfig => newTargetLoad(targetConfig, logger, share))
  }

  async connect(): Promise<Map<string, NotConnected | null>> {
    const results = this.#targets.map(async ({ target, generator }) => {
      const failure = await generator.connect()
      const { reason, error } = failure ?? {}
      return [target.label, reason === undefined ? null : { reason, message: error?.message ?? null }] as const
    })
    return new Map(await Promise.all(results))
  }

  async warmUp(): Promise<void> {
    const bounds = { count: Number.POSITIVE_INFINITY, durationMs: this.#config.warmUp }
    if (bounds.durationMs > 0) await Promise.all(this.#targets.map(({ generator }) => generator.run(bounds)))
  }

  async measure(generate: boolean): Promise<void> {
    const loop = measureLoop()
    const measured = this.#targets.map(async ({ target, figures, generator }) => {
      figures.reset(target.counters)
      const scheduledMs = generate ? await generator.run(boundsOf(target.values)) : 0
      return { scheduledMs, describe: figures.close(target.counters) }
    })
    this.#measured = await Promise.all(measured)
    this.#loop = loop()
  }

  async close(): Promise<ThreadResult> {
    const broken = await Promise.all(this.#targets.map(({ generator }) => generator.close()))
    if (this.#loop === undefined) throw new Error('closed before the measurement')
    const targets = this.#measured.map(({ scheduledMs, describe }, index) => {
      const { target } = this.#targets[index] as TargetLoad
      const connections = totalsOf(target, broken[index] ?? [])
      return { target: target.label, scheduledMs, measurement: describe(), connections }
    })
    return { loop: this.#loop, targets }
  }

  stop(): void {
    for (const { generator } of this.#targets) generator.stop()
  }

  async progress(): Promise<Progress> {
    let answered = 0
    let failed = 0
    const recent = new Histogram()
    for (const { target, figures } of this.#targets) {
      const failures = target.counters.failures()
      failed += failures
      answered += target.counters.exchanges - failures
      recent.add(figures.takeRecent())
    }
    return { answered, failed, recent: save(recent) }
  }
}

function newTargetLoad({ values, ...config }: TargetConfig<LoadValues>, logger: Logger, share: Share): TargetLoad {
  const figures = new Figures(values.rate > 0)
  const requests = values.size === null ? {} : requestsOf(values.size, config.endpoint.protocol)
  const statistics = { answerWithinMs: values.timeout }
  const target = new Target<LoadValues>({ ...config, values: { ...values, ...requests } }, () => figures, logger, statistics)
  return { target, figures, generator: new Generator(target, share) }
}

function boundsOf({ count, duration }: { readonly count: number; readonly duration: number }): Bounds {
  return {
    count: count || Number.POSITIVE_INFINITY,
    durationMs: duration || (count > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DURATION_MS),
  }
}

function totalsOf({ counters }: Target<LoadValues>, broken: readonly BrokenTotals[]): ConnectionTotals {
  return {
    attempts: counters.connectionAttempts,
    failures: nonZero(counters.connectionFailures),
    closed: nonZero(counters.connectionsClosed),
    broken,
    servers: counters.servers,
    comparisons: { ...counters.comparisons },
  }
}
