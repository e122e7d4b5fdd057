import { expect } from '@jest/globals'

/** How long a server was down, on the clock of the test. */
export interface Downtime {
  /** Not up for at least this long. */
  readonly leastMs: number
  /** Up until then. */
  readonly sinceMs: number
}

/** Makes a server go down and come back. */
export async function downtime(begin: () => unknown, meanwhile: () => Promise<unknown>, end: () => unknown): Promise<Downtime> {
  const sinceMs = performance.now()
  await begin()
  const downMs = performance.now()
  await meanwhile()
  const leastMs = performance.now() - downMs
  await end()
  return { leastMs, sinceMs }
}

/**
 * Expects the duration of an outage that is over to be that of the downtime. It begins with an exchange that is due after the server went down,
 * or that was under way and not yet late.
 */
export function expectDuration(
  durationMs: unknown,
  { leastMs, sinceMs }: Downtime,
  { intervalMs, timeoutMs }: { readonly intervalMs: number; readonly timeoutMs: number },
): void {
  // Durations are logged in whole milliseconds.
  expect(durationMs).toBeGreaterThanOrEqual(Math.floor(leastMs - intervalMs))
  expect(durationMs).toBeLessThanOrEqual(Math.ceil(performance.now() - sinceMs + timeoutMs))
}
