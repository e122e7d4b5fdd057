import type { Target } from '../../target.ts'
import { Rung, type RungResult } from './rung.ts'

/** All rungs of one target, with or without TCP keep-alive. They run in parallel. */
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

/** The findings of a ladder about the idle timeout of its path. Durations of silence, ms; undefined if unknown. */
export interface Findings {
  /** The longest silence that a connection survived. */
  readonly survivedMs: number | undefined
  /** The failure after the shortest silence. */
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

/** Counts the rungs with this outcome. */
export function countOutcome(ladders: readonly Ladder[], outcome: RungResult['outcome']): number {
  return ladders.flatMap(({ rungs }) => rungs).filter(({ result }) => result?.outcome === outcome).length
}
