import { setTimeout as delay } from 'node:timers/promises'

/** Default time limit of everything that a test waits for. It only bounds hangs. */
export const DEADLINE_MS = 60_000

/**
 * Waits for a state: polls until the result is neither undefined nor false.
 * @param what describes the state in the error at the time limit
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

/**
 * Waits until a figure has a value.
 * @param what names the figure in the error at the time limit, which also has its last value
 */
export async function untilEqual(
  what: string,
  expected: number,
  ask: () => Promise<number>,
  timeoutMs = DEADLINE_MS,
): Promise<void> {
  let seen = Number.NaN
  const reached = async () => {
    seen = await ask()
    return seen === expected
  }
  await until(`${what} to be ${expected}`, reached, timeoutMs).catch(error => {
    throw new Error(`${error.message}; it is ${seen}`)
  })
}
