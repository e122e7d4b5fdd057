import type { Target } from '../../target.ts'
import { Rung, type RungResult } from './rung.ts'

/** All rungs of one target, with TCP keep-alive or without. They run at the same time. */
export class Ladder {
  readonly target: Target
  /** 0 = without keep-alive. */
  readonly keepAliveMs: number
  /** From the shortest silence to the longest. */
  readonly rungs: readonly Rung[]

  constructor(target: Target, silencesMs: readonly number[], keepAliveMs: number) {
    this.target = target
    this.keepAliveMs = keepAliveMs
    this.rungs = silencesMs.map(silenceMs => new Rung(target, silenceMs, keepAliveMs))
  }

  async climb(signal: AbortSignal): Promise<void> {
    await Promise.all(this.rungs.map(rung => rung.climb(signal)))
  }
}

/** What a ladder shows about the idle timeout of its path. Durations of silence, ms; undefined where no rung shows it. */
export interface Findings {
  /** The longest silence that a connection survived. */
  readonly survivedMs: number | undefined
  /** The death after the shortest silence. */
  readonly firstDeath: (RungResult & { outcome: 'died' }) | undefined
}

export function findings({ rungs }: Ladder): Findings {
  const survivors = rungs.filter(({ result }) => result?.outcome === 'survived')
  const deaths = rungs.flatMap(({ result }) => (result?.outcome === 'died' ? [result] : []))
  return {
    survivedMs: survivors.at(-1)?.silenceMs,
    firstDeath: deaths.toSorted((one, other) => one.silentMs - other.silentMs)[0],
  }
}

/** How many rungs of these ladders have this outcome. */
export function countOutcome(ladders: readonly Ladder[], outcome: RungResult['outcome']): number {
  return ladders.flatMap(({ rungs }) => rungs).filter(({ result }) => result?.outcome === outcome).length
}
