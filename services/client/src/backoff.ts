/**
 * Exponential backoff with full jitter: a random time up to `base × 2^failures`, at most `max`. It is random from zero, so that clients that lost
 * a server together do not reconnect together.
 */
export function backoffMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** failures)
}
