import { setTimeout as delay } from 'node:timers/promises'

/** How long anything that a test waits for may take, unless it says otherwise. */
export const DEADLINE_MS = 30_000

/**
 * Waits for a state: asks again and again until the answer is neither undefined nor false.
 * @param what for the error when it does not come in time
 */
export async function until<Value>(
  what: string,
  ask: () => Value | undefined | false | Promise<Value | undefined | false>,
  timeoutMs = DEADLINE_MS,
): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await delay(10)
  }
}
