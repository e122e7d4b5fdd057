import type { Logger } from '@nihao/service'
import type { Failure } from '../failure.ts'
import type { LoadConfig, LoadValues, TargetConfig } from '../settings.ts'
import { Target } from '../target.ts'
import { Figures, type TargetFigures } from './figures.ts'
import { type Bounds, Generator } from './generator.ts'
import { requestsOf } from './requests.ts'
import { type Strain, watchClient } from './strain.ts'

export type Interrupt = 'SIGINT' | 'SIGTERM'

/** The load of one target. */
export interface TargetLoad {
  readonly target: Target<LoadValues>
  readonly figures: Figures
  readonly generator: Generator
}

/** What came out. */
export interface Outcome {
  readonly startedAt: Date
  readonly interrupted: Interrupt | undefined
  readonly strain: Strain
  readonly targets: readonly TargetOutcome[]
}

export interface TargetOutcome {
  readonly target: Target<LoadValues>
  /** Why there was no load at all. */
  readonly failure: Failure | undefined
  readonly figures: TargetFigures
}

/** How long a load lasts that nobody gave a bound. */
const DEFAULT_DURATION_MS = 10_000

/** A load on all targets at once: connects, warms up, measures, closes. */
export class Load {
  readonly targets: readonly TargetLoad[]
  readonly #config: LoadConfig
  #interrupted: Interrupt | undefined

  constructor(config: LoadConfig, logger: Logger) {
    this.#config = config
    this.targets = config.targetConfigs.map(targetConfig => newTargetLoad(targetConfig, logger))
  }

  /** Ends the load early; `run` then resolves when what was under way is over. */
  stop(interrupt: Interrupt): void {
    this.#interrupted = interrupt
    for (const { generator } of this.targets) generator.stop()
  }

  /** Never rejects: whatever went wrong is in the outcome. */
  async run(): Promise<Outcome> {
    const startedAt = new Date()
    const failures = await Promise.all(this.targets.map(({ generator }) => generator.connect()))
    const ready = failures.every(failure => failure === undefined)

    if (ready) await Promise.all(this.targets.map(({ generator }) => this.#warmUp(generator)))
    const stopWatching = watchClient()
    const measured = this.targets.map(async ({ target, figures, generator }) => {
      figures.reset(target)
      if (ready && this.#interrupted === undefined) await generator.run(boundsOf(target.values))
      return figures.close(target)
    })
    const figures = await Promise.all(measured)
    const strain = stopWatching()

    await Promise.all(this.targets.map(({ generator }) => generator.close()))
    const targets = this.targets.map(({ target }, index) => ({
      target,
      failure: failures[index],
      figures: figures[index] as TargetFigures,
    }))
    return { startedAt, interrupted: this.#interrupted, strain, targets }
  }

  async #warmUp(generator: Generator): Promise<void> {
    const durationMs = this.#config.warmUp
    if (durationMs > 0 && this.#interrupted === undefined) await generator.run({ count: Number.POSITIVE_INFINITY, durationMs })
  }
}

function newTargetLoad({ endpoint, label, values }: TargetConfig<LoadValues>, logger: Logger): TargetLoad {
  const figures = new Figures(values.rate > 0)
  const requests = values.size === null ? {} : requestsOf(values.size, endpoint.protocol)
  const target = new Target<LoadValues>({ endpoint, label, values: { ...values, ...requests } }, () => figures, logger)
  return { target, figures, generator: new Generator(target) }
}

function boundsOf({ count, duration }: { readonly count: number; readonly duration: number }): Bounds {
  return {
    count: count || Number.POSITIVE_INFINITY,
    durationMs: duration || (count > 0 ? Number.POSITIVE_INFINITY : DEFAULT_DURATION_MS),
  }
}
