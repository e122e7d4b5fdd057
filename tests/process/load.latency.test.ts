import { describe, expect, test } from '@jest/globals'
import { reportLoad } from './support/load.ts'
import { type Script, ScriptedServer } from './support/scripted-server.ts'

const RATE = 500
const EXCHANGES = 2_000
const STALL_MS = 1_000
const REQUEST_BYTES = 7

/** Echoes, except for one stall, which begins with the request in the middle. */
function stallOnce(ended: (stallMs: number) => void): Script {
  let requestedBytes = 0
  let held: (() => void)[] | undefined
  let stalled = false
  return socket => {
    socket.on('end', () => socket.end())
    socket.on('data', chunk => {
      requestedBytes += chunk.length
      if (!stalled && requestedBytes > (EXCHANGES / 2) * REQUEST_BYTES) {
        stalled = true
        held = []
        const startMs = performance.now()
        setTimeout(() => {
          ended(performance.now() - startMs)
          for (const reply of held ?? []) reply()
          held = undefined
        }, STALL_MS)
      }
      if (held === undefined) socket.write(chunk)
      else held.push(() => socket.write(chunk))
    })
  }
}

describe('load and coordinated omission', () => {
  test('a stall of a second shows in the p99 from the intended start, and not in the one from the send', async () => {
    let stallMs = Number.NaN
    const script = stallOnce(actualMs => {
      stallMs = actualMs
    })
    await using server = await ScriptedServer.listen(script)
    const flags = ['--rate', `${RATE}`, '--count', `${EXCHANGES}`, '--connections', '4', '--timeout', '30s']
    const { target } = await reportLoad(...flags, `echo://127.0.0.1:${server.port}`)
    expect([target.answered, target.failed]).toEqual([EXCHANGES, 0])

    // The exchanges that are due during the stall wait for the rest of it. Of the longest 1 %, the last one is due when the others have been.
    // A busy machine only increases latencies.
    const longest = EXCHANGES / 100
    const { fromIntendedStart, fromSend } = target.latencyMs
    expect(fromIntendedStart.percentiles.p99).toBeGreaterThanOrEqual(stallMs - (longest * 1_000) / RATE - 20)

    // Only the four outstanding exchanges, one per connection, have the stall after their send: fewer than the 20 above the p99. A process
    // that stands still elsewhere delays four more; it would have to do so four times, each for half a second.
    expect(fromSend.max).toBeGreaterThanOrEqual(stallMs - 1)
    expect(fromSend.percentiles.p99).toBeLessThan(STALL_MS / 2)
  })

  test('in a closed loop both latencies are equal', async () => {
    await using server = await ScriptedServer.listen(socket => socket.pipe(socket))
    const { target } = await reportLoad('--count', '500', '--timeout', '30s', `echo://127.0.0.1:${server.port}`)
    expect(target.latencyMs.fromIntendedStart).toEqual(target.latencyMs.fromSend)
    expect(target.scheduleLagMs).toBeNull()
  })
})
