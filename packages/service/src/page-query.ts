import { enumerate, type Format } from './formats.ts'
import { quote } from './settings.ts'

/** A parameter of a page; the default is its text where the query does not have it. */
export interface Parameter<Value> {
  readonly format: Format<Value>
  readonly default: string
}

type Values<Parameters> = { readonly [Name in keyof Parameters]: Parameters[Name] extends Parameter<infer Value> ? Value : never }

/** A query that is not valid; its message says what is. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
}

/** @throws {QueryError} for an unknown parameter, or a value that is not valid */
export function readQuery<Parameters extends Readonly<Record<string, Parameter<unknown>>>>(
  query: URLSearchParams,
  parameters: Parameters,
): Values<Parameters> {
  const names = Object.keys(parameters)
  for (const name of query.keys()) {
    if (!names.includes(name)) throw new QueryError(`unknown parameter ${quote(name)}: must be ${enumerate(names, 'or')}`)
  }
  const values = Object.entries(parameters).map(([name, { format, default: byDefault }]) => {
    const text = query.get(name) ?? byDefault
    const value = format.parse(text)
    if (value === undefined) throw new QueryError(`invalid ${name} ${quote(text)}: must be ${format.valid}`)
    return [name, value]
  })
  return Object.fromEntries(values)
}
