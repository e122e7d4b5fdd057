import type { Target } from '../../target.ts'
import { type Fate, Rung } from './rung.ts'

/** All rungs of one target, with TCP keep-alive or without. They are climbed at the same time. */
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

/** What a ladder tells of the idle timeout of its path. Times are of silence, ms; undefined where no rung tells. */
export interface Findings {
  /** The longest silence that a connection is known to have survived. */
  readonly survivedMs: number | undefined
  /** The first death: the one that came after the shortest silence. */
  readonly firstDeath: (Fate & { outcome: 'died' }) | undefined
}

export function findings({ rungs }: Ladder): Findings {
  const survivors = rungs.filter(({ fate }) => fate?.outcome === 'survived')
  const deaths = rungs.flatMap(({ fate }) => (fate?.outcome === 'died' ? [fate] : []))
  return {
    survivedMs: survivors.at(-1)?.silenceMs,
    firstDeath: deaths.toSorted((one, other) => one.silentMs - other.silentMs)[0],
  }
}

/** How many rungs of these ladders came to this end. */
export function countOutcome(ladders: readonly Ladder[], outcome: Fate['outcome']): number {
  return ladders.flatMap(({ rungs }) => rungs).filter(({ fate }) => fate?.outcome === outcome).length
}
