import { createHistogram } from 'node:perf_hooks'
import type { WriteStream } from 'node:tty'
import type { Load } from './load.ts'

const INTERVAL_MS = 1_000
const CLEAR = '\r\x1b[K'

/** Shows one line on a terminal, updated each second. @returns a function that removes it */
export function showStatusLine({ targets }: Load, terminal: WriteStream): () => void {
  const startMs = performance.now()
  let beforeMs = startMs
  let before = 0
  const seen = () => targets.reduce((sum, { target }) => sum + target.counters.exchanges - target.counters.failures(), 0)
  for (const { figures } of targets) figures.takeRecent(createHistogram())

  const show = () => {
    const nowMs = performance.now()
    const answered = seen()
    const rate = ((answered - before) * 1_000) / (nowMs - beforeMs)
    const latencies = createHistogram()
    for (const { figures } of targets) figures.takeRecent(latencies)
    const failures = targets.reduce((sum, { target }) => sum + target.counters.failures(), 0)
    const ms = (percentile: number) => (latencies.count === 0 ? '-' : `${(latencies.percentile(percentile) / 1e6).toFixed(3)} ms`)
    const seconds = Math.round((nowMs - startMs) / 1_000)
    const line = `${seconds} s  ${Math.round(rate)}/s  p50 ${ms(50)}  p99 ${ms(99)}  failures ${failures}`
    // The cursor returns to the start of the line, where other output then begins.
    terminal.write(`${CLEAR}${line.slice(0, terminal.columns - 1)}\r`)
    beforeMs = nowMs
    before = answered
  }
  const timer = setInterval(show, INTERVAL_MS)
  const hide = () => {
    clearInterval(timer)
    terminal.write(CLEAR)
    process.off('exit', hide)
  }
  process.on('exit', hide)
  return hide
}
