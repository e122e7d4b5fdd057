import type { Reporter, Result } from './results.ts'

/** TAP 14: a test point for each result in the order of completion; the plan comes last. */
export function tapReporter(): Reporter {
  let points = 0
  return {
    begin: () => 'TAP version 14\n',
    result(target, result) {
      points++
      return point(points, `${target} ${result.name}`, result)
    },
    end: ({ interrupted }) => (interrupted === undefined ? `1..${points}\n` : `Bail out! interrupted by ${interrupted}\n`),
  }
}

function point(number: number, description: string, result: Result): string {
  const status = result.verdict === 'failed' ? 'not ok' : 'ok'
  const directive = result.verdict === 'skipped' ? ` # SKIP ${tapText(result.why)}` : ''
  const line = `${status} ${number} - ${tapText(description)}${directive}\n`
  return result.verdict === 'skipped' ? line : line + diagnostics(result)
}

/** A YAML block; values are JSON, which is also YAML. */
function diagnostics({ name: _, verdict: __, ...rest }: Exclude<Result, { verdict: 'skipped' }>): string {
  const lines = Object.entries(rest).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
  return `  ---\n${lines.join('')}  ...\n`
}

/** An unescaped # would begin a directive. */
const tapText = (text: string) => text.replace(/[\\#]/g, character => `\\${character}`)
