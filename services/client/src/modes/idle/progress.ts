import type { WriteStream } from 'node:tty'
import { countOutcome, type Ladder } from './ladder.ts'
import { formatDuration } from './report.ts'

const ERASE_LINE = '\r\x1b[2K'

/**
 * Shows the progress of ladders on a terminal, updated each second.
 * @returns a function that removes it
 */
export function showProgress(terminal: WriteStream, ladders: readonly Ladder[]): () => void {
  if (!terminal.isTTY) return () => {}
  const startMs = performance.now()
  const longestMs = Math.max(...ladders.flatMap(({ rungs }) => rungs.map(({ silenceMs }) => silenceMs)))
  const connections = ladders.reduce((sum, { rungs }) => sum + rungs.length, 0)
  const show = () => {
    const [survived, died, unusable] = (['survived', 'died', 'unusable'] as const).map(outcome => countOutcome(ladders, outcome))
    const time = `${formatDuration(Math.floor((performance.now() - startMs) / 1_000) * 1_000)} of ${formatDuration(longestMs)}`
    const line = `idle: ${time}; connections: ${connections}, survived: ${survived}, died: ${died}, unusable: ${unusable}`
    // A wrapped line could not be erased.
    terminal.write(ERASE_LINE + line.slice(0, (terminal.columns || 80) - 1))
  }
  show()
  const timer = setInterval(show, 1_000)
  return () => {
    clearInterval(timer)
    terminal.write(ERASE_LINE)
  }
}
