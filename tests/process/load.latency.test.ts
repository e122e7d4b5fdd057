import type { Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { reportLoad } from './support/load.ts'
import { type Script, ScriptedServer } from './support/scripted-server.ts'

const RATE = 1_000
const DURATION_MS = 3_000
const STALL_MS = 1_000

/** Echoes, except for one stall, which begins with the first byte after `afterMs`. */
function stallOnce(afterMs: number, ended: (stallMs: number) => void): Script {
  const stalls = { fromMs: Number.NaN, waiting: [] as (() => void)[] }
  let firstMs = Number.NaN
  return (socket: Socket) => {
    socket.on('end', () => socket.end())
    socket.on('data', chunk => {
      const nowMs = performance.now()
      if (Number.isNaN(firstMs)) firstMs = nowMs
      if (Number.isNaN(stalls.fromMs) && nowMs - firstMs > afterMs) {
        stalls.fromMs = nowMs
        setTimeout(() => {
          ended(performance.now() - nowMs)
          for (const reply of stalls.waiting) reply()
          stalls.waiting = []
          stalls.fromMs = Number.NEGATIVE_INFINITY
        }, STALL_MS)
      }
      const stalled = stalls.fromMs > 0
      if (stalled) stalls.waiting.push(() => socket.write(chunk))
      else socket.write(chunk)
    })
  }
}

describe('load and coordinated omission', () => {
  test('a stall of a second shows in the p99 from the intended start, and not in the one from the send', async () => {
    let stallMs = Number.NaN
    const script = stallOnce(DURATION_MS / 2, actualMs => {
      stallMs = actualMs
    })
    await using server = await ScriptedServer.listen(script)
    const flags = ['--rate', `${RATE}`, '--duration', `${DURATION_MS}ms`, '--connections', '4', '--timeout', '10s']
    const { target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port}`)
    expect([target.answered, target.failed]).toEqual([(RATE * DURATION_MS) / 1_000, 0])

    // During the stall of one second, 1,000 exchanges were due, and waited for the rest of it: evenly from 1,000 ms down to 0.
    // The longest 1% of all 3,000 are 30 of these, so that p99 is where 30 have waited longer: 30 ms before 1,000.
    const longest = (RATE * DURATION_MS) / 1_000 / 100
    const expectedP99 = stallMs - (longest * 1_000) / RATE
    const { fromIntendedStart, fromSend } = target.latencyMs
    expect(fromIntendedStart.percentiles.p99).toBeGreaterThanOrEqual(expectedP99 - 10)
    // A busy machine only increases latencies.
    expect(fromIntendedStart.percentiles.p99).toBeLessThan(expectedP99 + 1_500)

    // Only the four outstanding exchanges, one per connection, have the stall after their send: fewer than the 30 above the p99.
    expect(fromSend.max).toBeGreaterThanOrEqual(stallMs - 1)
    expect(fromSend.percentiles.p99).toBeLessThan(STALL_MS / 4)
  })

  test('in a closed loop both latencies are equal', async () => {
    await using server = await ScriptedServer.listen(socket => socket.pipe(socket))
    const { target } = await reportLoad('--count', '500', '--timeout', '10s', `echo://127.0.0.1:${server.port}`)
    expect(target.latencyMs.fromIntendedStart).toEqual(target.latencyMs.fromSend)
    expect(target.scheduleLagMs).toBeNull()
  })
})
