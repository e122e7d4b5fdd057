import { describeFigures } from './describe-figures.ts'
import { countVerdicts, describeSide, type Report, type Reporter, type Result, type TargetReport } from './results.ts'

/** For CI systems, in the common dialect: a test suite for each target, a test case for each result. @param name that of the whole */
export function junitReporter(name: string): Reporter {
  return { end: report => document(name, report) }
}

function document(name: string, { started, durationMs, targets }: Report): string {
  const suites = targets.flatMap(target => suite(target, started))
  const attributes = counts(targets.flatMap(({ results }) => results))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${name}" ${attributes} time="${seconds(durationMs)}">`,
    ...suites,
    '</testsuites>\n',
  ].join('\n')
}

function suite({ target, results }: TargetReport, started: string): string[] {
  const time = results.reduce((sum, result) => sum + (result.verdict === 'skipped' ? 0 : result.durationMs), 0)
  const attributes = `name="${xmlText(target)}" ${counts(results)} time="${seconds(time)}" timestamp="${started.replace(/\.\d+Z$/, '')}"`
  return [`  <testsuite ${attributes}>`, ...results.map(result => testCase(target, result)), '  </testsuite>']
}

function testCase(target: string, result: Result): string {
  const time = seconds(result.verdict === 'skipped' ? 0 : result.durationMs)
  const lines = [`    <testcase classname="${xmlText(target)}" name="${result.name}" time="${time}">`]
  if (result.verdict === 'skipped') lines.push(`      <skipped message="${xmlText(result.why)}"/>`)
  if (result.verdict === 'failed') {
    const { reason, detail, meaning } = result
    const side = describeSide(result)
    const text = side === '' ? meaning : `${meaning} (${side})`
    lines.push(`      <failure type="${reason}" message="${xmlText(`${reason}: ${detail}`)}">${xmlText(text)}</failure>`)
  }
  if (result.verdict !== 'skipped') lines.push(`      <system-out>${xmlText(describeFigures(result.figures))}</system-out>`)
  return [...lines, '    </testcase>'].join('\n')
}

function counts(results: readonly Result[]): string {
  const { failed, skipped } = countVerdicts(results)
  return `tests="${results.length}" failures="${failed}" errors="0" skipped="${skipped}"`
}

const seconds = (ms: number) => (ms / 1_000).toFixed(3)

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

/** For printable text; XML allows no other characters, even as entities. */
const xmlText = (text: string) => text.replace(/[&<>"']/g, character => ENTITIES[character] ?? character)
