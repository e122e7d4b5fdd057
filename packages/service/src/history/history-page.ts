import type { PageOf } from '../admin.ts'
import type { Page } from '../admin-page.ts'
import { oneOf, text } from '../formats.ts'
import { QueryError, readQuery } from '../page-query.ts'
import { quote } from '../settings.ts'
import type { History } from './history.ts'
import { spans } from './history.ts'

/**
 * The cells of one series as JSON: `?target=…&span=15m`.
 * @param by the parameter that names the series; it may be omitted if there is only one
 * @param listedAt the page that lists the series
 */
export function historyPage(history: History, by: 'listener' | 'target', listedAt: string): PageOf {
  const parameters = { [by]: { format: text, default: '' }, span: { format: oneOf(...spans), default: '15m' } } as const
  return query => {
    const { [by]: named, span } = readQuery(query, parameters) as { readonly [by: string]: string } & {
      span: (typeof spans)[number]
    }
    const label = named || (history.labels.length === 1 ? history.labels[0] : undefined)
    if (label === undefined) throw new QueryError(`${by} is required: must be one that ${listedAt} lists`)
    if (!history.has(label)) throw new QueryError(`unknown ${by} ${quote(label)}: must be one that ${listedAt} lists`)
    const { startMs, stepMs, columns } = history.read(label, span)
    const start = Number.isNaN(startMs) ? null : new Date(startMs).toISOString()
    return compactJson({ [by]: label, span, start, stepMs, columns: mapValues(columns, values => values.map(rounded)) })
  }
}

/** Without the indentation of other pages, which would put each of thousands of numbers on its own line. */
const compactJson = (value: unknown): Page => ({
  status: 200,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value)}\n`,
})

/** Durations are stored with seven digits, and NaN becomes null. */
const rounded = (value: number) => (Number.isInteger(value) ? value : Math.round(value * 1_000) / 1_000)

const mapValues = <Value, Result>(values: Readonly<Record<string, Value>>, convert: (value: Value) => Result) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(value)]))
