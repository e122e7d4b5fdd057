import { readdirSync } from 'node:fs'
import type { AdministeredService } from '../process/support/admin.ts'
import { isFlat, mean, type Sample, slopeOf } from './slope.ts'

/** A load has reached its level after this time. */
export const SETTLE_SECONDS = 120

/** In less time, a slope says little: memory grows until the first garbage collections of old objects. */
const MIN_SECONDS = 480

/** Tolerated growth, as a share of the mean. */
const TOLERATED = { residentBytes: 0.05, oldHeapBytes: 0.05, openFiles: 0.05 }

const FIGURES = {
  residentBytes: { title: 'RSS, MiB', unit: 2 ** 20, digits: 2 },
  oldHeapBytes: { title: 'old objects, MiB', unit: 2 ** 20, digits: 2 },
  openFiles: { title: 'open files', unit: 1, digits: 1 },
} as const

type Figure = keyof typeof FIGURES

const SECONDS_PER_HOUR = 3_600

/** Samples of the memory and the open files of a process. */
export class Samples {
  readonly name: string
  readonly #service: AdministeredService
  readonly #samples: Record<Figure, Sample[]> = { residentBytes: [], oldHeapBytes: [], openFiles: [] }

  constructor(name: string, service: AdministeredService) {
    this.name = name
    this.#service = service
  }

  async take(seconds: number): Promise<void> {
    const { residentBytes } = this.#service.memory()
    const oldHeapBytes = await this.#service.metric('nodejs_heap_space_size_used_bytes', { space: 'old' })
    this.#samples.oldHeapBytes.push({ seconds, value: oldHeapBytes })
    this.#samples.residentBytes.push({ seconds, value: residentBytes })
    this.#samples.openFiles.push({ seconds, value: readdirSync(`/proc/${this.#service.pid}/fd`).length })
  }

  /** True if a figure grows. @param fromSeconds the samples before are not considered */
  grows(fromSeconds: number): boolean {
    return (Object.keys(FIGURES) as Figure[]).some(figure => this.#verdict(figure, fromSeconds) === 'grows')
  }

  /** Rows of a table, one for each figure. */
  rows(fromSeconds: number): string[][] {
    return (Object.keys(FIGURES) as Figure[]).map(figure => {
      const { title, unit, digits } = FIGURES[figure]
      const samples = this.#since(figure, fromSeconds)
      const { perSecond, standardError } = slopeOf(samples)
      const values = samples.map(({ value }) => value)
      const ends = Math.ceil(samples.length / 10)
      const shown = [mean(values.slice(0, ends)), mean(values.slice(-ends)), Math.max(...values)]
      const slope = [perSecond, standardError].map(value => ((value * SECONDS_PER_HOUR) / unit).toFixed(digits))
      return [
        `${this.name}: ${title}`,
        ...shown.map(value => (value / unit).toFixed(digits)),
        slope.join(' ± '),
        this.#verdict(figure, fromSeconds),
      ]
    })
  }

  #verdict(figure: Figure, fromSeconds: number): 'flat' | 'grows' | 'too short to tell' {
    const samples = this.#since(figure, fromSeconds)
    if ((samples.at(-1)?.seconds ?? 0) - fromSeconds < MIN_SECONDS) return 'too short to tell'
    return isFlat(samples, TOLERATED[figure]) ? 'flat' : 'grows'
  }

  #since(figure: Figure, fromSeconds: number): Sample[] {
    return this.#samples[figure].filter(({ seconds }) => seconds >= fromSeconds)
  }
}
