/** Exchanges of one size. */
interface Tally {
  /** Before the current streak of losses. */
  answered: number
  lost: number
  /** Losses since the last reply of this size. */
  streak: number
  /** The number of the exchange at which the streak began. */
  streakStart: number
  /** Replies of this size since its last loss, as numbers of exchanges; the latest ones. */
  replies: number[]
}

/** Sizes that a path takes and loses. */
export interface Finding {
  readonly largestWorkingBytes: number
  readonly smallestLostBytes: number
}

const MIN_REPLIES = 3
const MIN_LOSSES = 3
const MAX_LOSSES = 20
/** Without history, losses at random are not yet excluded. */
const FIRST_LOSSES = 5
/** The probability of a streak of random losses, at most. */
const CHANCE = 1e-6
/** Older exchanges count half. */
const HISTORY = 200

/**
 * Decides whether a path loses large packets and takes small ones, as behind a path MTU black hole. A size is lost when its exchanges time out in a
 * row, more often than its history explains, while a smaller size succeeds and no larger one does.
 */
export class LargePacketLoss {
  readonly #sizes: readonly number[]
  readonly #tallies: Tally[]
  #exchanges = 0

  /** @param sizes in ascending order */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
    this.#tallies = sizes.map(() => ({ answered: 0, lost: 0, streak: 0, streakStart: 0, replies: [] }))
  }

  answered(bytes: number): void {
    const tally = this.#tallyOf(bytes)
    if (tally === undefined) return
    this.#exchanges++
    tally.answered++
    tally.lost += tally.streak
    tally.streak = 0
    tally.replies = [...tally.replies.slice(1 - MIN_REPLIES), this.#exchanges]
    if (tally.answered + tally.lost < HISTORY) return
    tally.answered /= 2
    tally.lost /= 2
  }

  timedOut(bytes: number): void {
    const tally = this.#tallyOf(bytes)
    if (tally === undefined) return
    this.#exchanges++
    if (tally.streak === 0) tally.streakStart = this.#exchanges
    tally.streak++
    tally.replies = []
  }

  /** Undefined while large packets are not known to be lost. */
  get finding(): Finding | undefined {
    // A size is lost only together with all larger ones that were tried.
    const lastGood = this.#tallies.findLastIndex(({ replies }) => replies.length > 0)
    for (let index = lastGood + 1; index < this.#sizes.length; index++) {
      const tally = this.#tallies[index] as Tally
      if (tally.streak < requiredLosses(tally)) continue
      const smaller = this.#tallies.slice(0, index)
      const proven = smaller.some(({ replies: [first = 0, , third] }) => third !== undefined && first > tally.streakStart)
      const working = smaller.findLastIndex(({ replies }) => (replies.at(-1) ?? 0) > tally.streakStart)
      if (!proven) continue
      // A size between the two that is being lost as well is nearer to the limit, even if its own losses are still too few.
      const lost = this.#tallies.findIndex(({ streak }, size) => size > working && streak > 0)
      return { largestWorkingBytes: this.#sizes[working] as number, smallestLostBytes: this.#sizes[lost] as number }
    }
    return undefined
  }

  #tallyOf(bytes: number): Tally | undefined {
    return this.#tallies[this.#sizes.indexOf(bytes)]
  }
}

/** How many losses in a row are not chance: as many as have a probability of one in a million by the history of the size. */
function requiredLosses({ answered, lost }: Tally): number {
  if (answered + lost === 0) return FIRST_LOSSES
  const probability = (lost + 1) / (answered + lost + 2)
  return Math.min(MAX_LOSSES, Math.max(MIN_LOSSES, Math.ceil(Math.log(CHANCE) / Math.log(probability))))
}
