import { type AnySettings, commandsWith, invalid, optionName, type Reading, type Settings } from './settings.ts'

/** An endpoint with the settings that apply to it. */
export interface Configured<Values, Endpoint> {
  readonly endpoint: Endpoint
  readonly values: Values
}

/** How to parse and validate one kind of endpoint. */
export interface EndpointKind<Values, Endpoint> {
  /** Throws an error with the `problems` found and the valid `endpoints`. */
  readonly parse: (text: string) => readonly Endpoint[]
  readonly urlOf: (endpoint: Endpoint) => string
  /** Returns the problems of an endpoint and its settings. */
  readonly validate: (configured: Configured<Values, Endpoint>) => readonly string[]
}

/**
 * Reads the endpoints from a list setting and the command line's words. Each endpoint has the values of the process, overridden by
 * the options of its URL. Problems are appended to `problems`.
 */
export function readEndpoints<Values, Endpoint extends { readonly options: ReadonlyMap<string, string> }>(
  settings: Settings<Values>,
  { values, words, problems, sourceOf, otherCommands }: Reading<Values>,
  name: keyof Values & string,
  { parse, urlOf, validate }: EndpointKind<Values, Endpoint>,
): Configured<Values, Endpoint>[] {
  const source = sourceOf(name)
  const flag = source.startsWith('--') ? [String(values[name])] : []
  const given = [...flag, ...words].join(' ')
  const report = (problem: string) => problems.push(words.length > 0 ? problem : `${source}: ${problem}`)

  const configure = (endpoint: Endpoint) => {
    const { overrides, wrong } = readOptions(settings as AnySettings, endpoint.options, given !== '', otherCommands)
    for (const problem of wrong) report(`${urlOf(endpoint)}: ${problem}`)
    return { endpoint, values: Object.freeze({ ...values, ...overrides }) as Values }
  }
  try {
    const endpoints = parse(given || String(values[name])).map(configure)
    for (const configured of endpoints) {
      for (const problem of validate(configured)) report(`${urlOf(configured.endpoint)}: ${problem}`)
    }
    return endpoints
  } catch (error) {
    const { problems: invalid, endpoints = [] } = error as { problems?: readonly string[]; endpoints?: readonly Endpoint[] }
    if (invalid === undefined) throw error
    for (const problem of invalid) report(problem)
    // The valid endpoints may have invalid options: report those too.
    endpoints.forEach(configure)
    return []
  }
}

/** @param strict whether options of other commands are problems; not so in the environment, which all commands share */
function readOptions(
  settings: AnySettings,
  options: ReadonlyMap<string, string>,
  strict: boolean,
  otherCommands: Reading<unknown>['otherCommands'],
) {
  const overrides: Record<string, unknown> = {}
  const wrong: string[] = []
  const names = Object.keys(settings).filter(name => settings[name]?.perEndpoint)
  for (const [option, text] of options) {
    const name = names.find(name => optionName(name) === option)
    const format = settings[name ?? '']?.format
    if (name === undefined || format === undefined) {
      const owners = commandsWith(
        otherCommands,
        (name, { perEndpoint }) => optionName(name) === option && perEndpoint !== undefined,
      )
      if (owners === '') wrong.push(`unknown option "${option}": expected ${names.map(optionName).join(', ')}`)
      else if (strict) wrong.push(`option "${option}" is a setting of ${owners} only`)
      continue
    }
    const value = format.parse(text)
    if (value === undefined) wrong.push(`option "${option}": ${invalid(format, text)}`)
    else overrides[name] = value
  }
  return { overrides, wrong }
}
