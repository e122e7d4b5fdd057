import type { WriteStream } from 'node:tty'
import type { Load } from './load.ts'
import { sumOf } from './merge-measurements.ts'
import { mergeDistributions } from './saved-distribution.ts'

const INTERVAL_MS = 1_000
const CLEAR = '\r\x1b[K'

/** Shows one line on a terminal, updated each second. @returns a function that removes it */
export function showStatusLine(load: Load, terminal: WriteStream): () => void {
  const startMs = performance.now()
  let beforeMs = startMs
  let before = 0
  let asking = false
  let hidden = false
  // From now on, recent latencies are kept.
  void load.progress()
  const show = async () => {
    if (asking) return
    asking = true
    const threads = await load.progress()
    asking = false
    if (hidden) return
    const nowMs = performance.now()
    const answered = sumOf(threads, thread => thread.answered)
    const failed = sumOf(threads, thread => thread.failed)
    const { percentiles } = mergeDistributions(threads.map(({ recent }) => recent))
    const rate = ((answered - before) * 1_000) / (nowMs - beforeMs)
    const ms = (name: string) => (percentiles[name] == null ? '-' : `${percentiles[name].toFixed(3)} ms`)
    const seconds = Math.round((nowMs - startMs) / 1_000)
    const line = `${seconds} s  ${Math.round(rate)}/s  p50 ${ms('p50')}  p99 ${ms('p99')}  failures ${failed}`
    // The cursor returns to the start of the line, where other output then begins.
    terminal.write(`${CLEAR}${line.slice(0, terminal.columns - 1)}\r`)
    beforeMs = nowMs
    before = answered
  }
  const timer = setInterval(show, INTERVAL_MS)
  const hide = () => {
    hidden = true
    clearInterval(timer)
    terminal.write(CLEAR)
    process.off('exit', hide)
  }
  process.on('exit', hide)
  return hide
}
