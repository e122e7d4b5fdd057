/**
 * Exponential backoff with full jitter: a random time up to `base × 2^failures`, at most `max`. Random from zero, so that clients
 * that lost a server at the same time do not reconnect at the same time.
 */
export function backoffMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** failures)
}
