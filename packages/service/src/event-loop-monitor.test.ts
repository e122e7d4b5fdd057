import { setImmediate as afterPoll } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { EventLoopMonitor } from './event-loop-monitor.ts'

/** A monitor with a clock that the test moves. */
function monitor() {
  let nowMs = 0
  const monitor = new EventLoopMonitor(() => nowMs)
  return {
    monitor,
    run(forMs: number) {
      for (const endMs = nowMs + forMs; nowMs < endMs; monitor.check()) nowMs = Math.min(endMs, nowMs + 50)
    },
    stall(forMs: number) {
      nowMs += forMs
    },
    nowMs: () => nowMs,
  }
}

test('an event loop that runs has no stalls', () => {
  const { monitor: loop, run } = monitor()
  run(10_000)
  expect(loop.stalledMs(0)).toBe(0)
  expect(loop.recentStallMs).toBe(0)
})

test('a stall counts only within the requested period', () => {
  const { monitor: loop, run, stall } = monitor()
  run(1_000)
  stall(3_000)
  loop.check()
  run(1_000)
  expect(loop.stalledMs(0)).toBe(3_000 - 50)
  expect(loop.stalledMs(3_000)).toBe(1_000)
  expect(loop.stalledMs(4_000)).toBe(0)
  expect(loop.stalledMs(0, 3_000)).toBe(2_000 - 50)
  expect(loop.stalledMs(2_000, 2_500)).toBe(500)
  expect(loop.stalledMs(0, 1_000)).toBe(0)
})

test('a stall that has not ended counts up to now', () => {
  const { monitor: loop, run, stall } = monitor()
  run(1_000)
  stall(500)
  expect(loop.stalledMs(0)).toBe(500 - 50)
  expect(loop.stalledMs(1_400)).toBe(100)
  expect(loop.stalledMs(0, 1_400)).toBe(400 - 50)
})

test('a process that gets little CPU time is stalled for most of the time', () => {
  const { monitor: loop, stall } = monitor()
  for (let period = 0; period < 10; period++) {
    stall(100)
    loop.check()
  }
  expect(loop.stalledMs(0)).toBe(500)
})

test('a stall delays only data read right after it', async () => {
  const { monitor: loop, stall } = monitor()
  stall(200)
  loop.check()
  expect(loop.recentStallMs).toBe(150)
  await afterPoll()
  expect(loop.recentStallMs).toBe(0)
})

test('an event loop that is blocked is noticed by its own timer', async () => {
  const loop = new EventLoopMonitor()
  loop.start()
  const startMs = performance.now()
  while (performance.now() < startMs + 200);
  await new Promise(resolve => setTimeout(resolve))
  expect(loop.stalledMs(startMs)).toBeGreaterThan(100)
  loop.stop()
})
