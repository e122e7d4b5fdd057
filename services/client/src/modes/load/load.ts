import type { Logger } from '@nihao/service'
import type { Failure } from '../../failure.ts'
import { requestsOf } from '../../requests.ts'
import type { LoadConfig, LoadValues, TargetConfig } from '../../settings.ts'
import { Target } from '../../target.ts'
import { type ClientUsage, measureUsage } from './client-usage.ts'
import { Figures, type TargetFigures } from './figures.ts'
import { type Bounds, Generator } from './generator.ts'

export type Interrupt = 'SIGINT' | 'SIGTERM'

/** The load of one target. */
export interface TargetLoad {
  readonly target: Target<LoadValues>
  readonly figures: Figures
  readonly generator: Generator
}

/** The results of a load. */
export interface Outcome {
  readonly startedAt: Date
  readonly interrupted: Interrupt | undefined
  /** Undefined if nothing was measured. */
  readonly usage: ClientUsage | undefined
  readonly targets: readonly TargetOutcome[]
}

export interface TargetOutcome {
  readonly target: Target<LoadValues>
  /** Why no load was generated. */
  readonly failure: Failure | undefined
  readonly figures: TargetFigures
}

/** Default duration if neither count nor duration is set. */
const DEFAULT_DURATION_MS = 10_000

/** A load on all targets in parallel: connects, warms up, measures, closes. */
export class Load {
  readonly targets: readonly TargetLoad[]
  readonly #config: LoadConfig
  #interrupted: Interrupt | undefined

  constructor(config: LoadConfig, logger: Logger) {
    this.#config = config
    this.targets = config.targetConfigs.map(targetConfig => newTargetLoad(targetConfig, logger))
  }

  /** Ends the load early; `run` resolves when all started exchanges are complete. */
  stop(interrupt: Interrupt): void {
    this.#interrupted = interrupt
    for (const { generator } of this.targets) generator.stop()
  }

  async run(): Promise<Outcome> {
    const startedAt = new Date()
    const failures = await Promise.all(this.targets.map(({ generator }) => generator.connect()))
    const ready = failures.every(failure => failure === undefined)

    if (ready) await Promise.all(this.targets.map(({ generator }) => this.#warmUp(generator)))
    const usage = measureUsage()
    const measured = this.targets.map(async ({ target, figures, generator }) => {
      figures.reset(target.counters)
      const scheduledMs = ready && this.#interrupted === undefined ? await generator.run(boundsOf(target.values)) : 0
      return figures.close(target.counters, scheduledMs)
    })
    const figures = await Promise.all(measured)
    const measuredUsage = usage()

    await Promise.all(this.targets.map(({ generator }) => generator.close()))
    const targets = this.targets.map(({ target }, index) => ({
      target,
      failure: failures[index],
      figures: figures[index] as TargetFigures,
    }))
    return { startedAt, interrupted: this.#interrupted, usage: ready ? measuredUsage : undefined, targets }
  }

  async #warmUp(generator: Generator): Promise<void> {
    const durationMs = this.#config.warmUp
    if (durationMs > 0 && this.#interrupted === undefined) await generator.run({ count: Number.POSITIVE_INFINITY, durationMs })
  }
}

function newTargetLoad({ values, ...config }: TargetConfig<LoadValues>, logger: Logger): TargetLoad {
  const figures = new Figures(values.rate > 0)
  const requests = values.size === null ? {} : requestsOf(values.size, config.endpoint.protocol)
  const statistics = { answerWithinMs: values.timeout }
  const target = new Target<LoadValues>({ ...config, values: { ...values, ...requests } }, () => figures, logger, statistics)
  return { target, figures, generator: new Generator(target) }
}

function boundsOf({ count, duration }: { readonly count: number; readonly duration: number }): Bounds {
  return {
    count: count || Number.POSITIVE_INFINITY,
    durationMs: duration || (count > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DURATION_MS),
  }
}
