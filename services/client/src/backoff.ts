/**
 * Exponential backoff with full jitter: a random time up to `base × 2^failures`, at most `max`. Random from zero, so that many clients
 * that lost one server together do not come back together.
 */
export function backoffMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** failures)
}
