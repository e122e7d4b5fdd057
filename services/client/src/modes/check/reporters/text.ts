import { styleText } from 'node:util'
import { checkNames } from '../../../check-names.ts'
import { describeFigures, describeMs } from '../../../report/describe-figures.ts'
import { countVerdicts, describeSide, type Report, type Reporter, type Result } from '../../../report/results.ts'

const VERDICT_WIDTH = 'skipped'.length
const NAME_WIDTH = Math.max(...checkNames.map(({ length }) => length))
const TIME_WIDTH = '9,999 ms'.length
const COLOURS = { ok: 'green', failed: 'red', skipped: 'yellow' } as const

/** For people: a row as soon as its check is over. Colour only if stdout is a terminal and NO_COLOR is not set. */
export function textReporter(): Reporter {
  return {
    target: target => `${target}\n`,
    result: (_, result) => `${row(result)}\n`,
    end: report => `${summary(report)}\n`,
  }
}

function row(result: Result): string {
  const verdict = styleText(COLOURS[result.verdict], result.verdict.padEnd(VERDICT_WIDTH), { stream: process.stdout })
  const time = result.verdict === 'skipped' ? '' : describeMs(result.durationMs)
  const columns = `  ${verdict}  ${result.name.padEnd(NAME_WIDTH)}  ${time.padStart(TIME_WIDTH)}  `
  if (result.verdict === 'skipped') return `${columns}${result.why}`
  if (result.verdict === 'ok') return `${columns}${describeFigures(result.figures)}`
  const indent = ' '.repeat(2 + VERDICT_WIDTH + 2)
  const seen = describeFigures(result.figures)
  const more = [describeSide(result), seen, result.meaning].filter(line => line !== '')
  return [`${columns}${result.reason}: ${result.detail}`, ...more.map(line => indent + line)].join('\n')
}

function summary({ targets, durationMs, interrupted }: Report): string {
  const { ok, failed, skipped } = countVerdicts(targets.flatMap(({ results }) => results))
  const unreachable = targets.filter(({ reachable }) => !reachable).length
  const parts = [`${ok} ok`, `${failed} failed`, `${skipped} skipped`]
  if (unreachable > 0) parts.push(`${unreachable} of ${targets.length} targets not reachable`)
  if (interrupted !== undefined) parts.push(`interrupted by ${interrupted}`)
  return `${parts.join(', ')} (${describeMs(durationMs)})`
}
