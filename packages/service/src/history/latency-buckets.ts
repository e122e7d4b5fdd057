/** Each power of two has this many buckets: a percentile is at most 3.2 % off, or half a microsecond. */
const SUB_BUCKET_BITS = 4
const SUB_BUCKETS = 2 ** SUB_BUCKET_BITS
/** Longer durations, of more than two minutes, are in the last bucket. */
const MAX_BITS = 27
const BUCKETS = (MAX_BITS - SUB_BUCKET_BITS + 1) * SUB_BUCKETS

/** Counts durations in logarithmic buckets: one increment each, in 1.5 KB. */
export class LatencyBuckets {
  static readonly bytes = BUCKETS * Uint32Array.BYTES_PER_ELEMENT
  readonly #counts = new Uint32Array(BUCKETS)
  #count = 0
  #minMs = Number.POSITIVE_INFINITY
  #maxMs = 0

  get count(): number {
    return this.#count
  }

  record(durationMs: number): void {
    const bucket = bucketOf(durationMs)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#count++
    if (durationMs < this.#minMs) this.#minMs = durationMs
    if (durationMs > this.#maxMs) this.#maxMs = durationMs
  }

  add(other: LatencyBuckets): void {
    if (other.#count === 0) return
    const last = bucketOf(other.#maxMs)
    for (let bucket = bucketOf(other.#minMs); bucket <= last; bucket++) {
      this.#counts[bucket] = (this.#counts[bucket] as number) + (other.#counts[bucket] as number)
    }
    this.#count += other.#count
    this.#minMs = Math.min(this.#minMs, other.#minMs)
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs)
  }

  clear(): void {
    if (this.#count === 0) return
    this.#counts.fill(0, bucketOf(this.#minMs), bucketOf(this.#maxMs) + 1)
    this.#count = 0
    this.#minMs = Number.POSITIVE_INFINITY
    this.#maxMs = 0
  }

  /** The duration that this share of all durations does not exceed, ms; the minimum for 0 and the maximum for 1 are exact. NaN without durations. */
  percentile(share: number): number {
    if (this.#count === 0) return Number.NaN
    const rank = Math.ceil(share * this.#count)
    if (rank >= this.#count) return this.#maxMs
    if (rank <= 1) return this.#minMs
    let bucket = bucketOf(this.#minMs)
    for (let below = this.#counts[bucket] as number; below < rank; below += this.#counts[bucket] as number) bucket++
    return Math.min(this.#maxMs, Math.max(this.#minMs, middleMs(bucket)))
  }
}

/** The first buckets are one microsecond wide. */
function bucketOf(durationMs: number): number {
  const us = Math.min(2 ** MAX_BITS - 1, durationMs * 1_000) | 0
  if (us < SUB_BUCKETS) return us
  const shift = 31 - SUB_BUCKET_BITS - Math.clz32(us)
  return (shift << SUB_BUCKET_BITS) + (us >> shift)
}

function middleMs(bucket: number): number {
  const shift = Math.max(0, (bucket >> SUB_BUCKET_BITS) - 1)
  const low = bucket - (shift << SUB_BUCKET_BITS)
  return ((low + 0.5) * 2 ** shift) / 1_000
}
