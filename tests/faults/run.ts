// Causes each fault between a real server and a real client, and compares what the client reports with what happened.
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import { type Experiment, experiment } from './experiment.ts'
import { PORTS, type ProtocolName } from './laboratory.ts'
import { removeAbandonedNetworks } from './network.ts'
import { outcomeTable, rowTable } from './table.ts'
import { missingTools } from './tools.ts'

const USAGE = `usage: npm run test:faults -- [--cases PATTERN] [--protocol probe|echo] [--repeat N] [--parallel N] [--output FILE] [--keep FOLDER]
  --cases     regular expression for the names of the cases; default: all
  --protocol  default: both
  --repeat    experiments with each case and protocol; default: 1
  --parallel  experiments at a time, each in its own network; default: twice the number of cores
  --output    file for the tables, in Markdown; default: stdout
  --keep      folder for the logs and metrics of each experiment`

function usage(problem: string): never {
  console.error(`${problem}\n${USAGE}`)
  process.exit(2)
}

function readArguments() {
  const text = { type: 'string' } as const
  try {
    const options = { cases: text, protocol: text, repeat: text, parallel: text, output: text, keep: text }
    return parseArgs({ options }).values
  } catch (error) {
    usage((error as Error).message)
  }
}

function wholeNumber(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback
  return /^[1-9]\d{0,3}$/.test(value) ? Number(value) : usage(`--${name}: not a number from 1 to 9999: ${value}`)
}

const values = readArguments()
const pattern = new RegExp(values.cases ?? '', 'i')
const chosen = cases.filter(({ name }) => pattern.test(name))
const protocols = (Object.keys(PORTS) as ProtocolName[]).filter(name => (values.protocol ?? name) === name)
const repeat = wholeNumber('repeat', values.repeat, 1)
const parallel = wholeNumber('parallel', values.parallel, 2 * availableParallelism())
if (chosen.length === 0) usage(`--cases: no case matches ${values.cases}`)
if (protocols.length === 0) usage(`--protocol: not probe or echo: ${values.protocol}`)

const missing = await missingTools()
if (missing.length > 0) {
  console.error(missing.join('\n'))
  process.exit(2)
}
await removeAbandonedNetworks()

const series = chosen.flatMap(fault =>
  protocols.map(protocol => ({ fault, protocol, experiments: [] as (Experiment | Error)[] })),
)
const queue = Array.from({ length: repeat }, () => series).flat()

async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { fault, protocol, experiments } = next
    const result = await experiment(fault, protocol).catch((error: Error) => error)
    experiments.push(result)
    console.error(`${fault.name}, ${protocol}: ${result instanceof Error ? result.message : result.verdict}`)
    if (values.keep !== undefined)
      keep(`${values.keep}/${fault.name.replaceAll(/\W+/g, '-')}.${protocol}.${experiments.length}`, result)
  }
}

function keep(path: string, result: Experiment | Error): void {
  mkdirSync(values.keep as string, { recursive: true })
  const files = result instanceof Error ? { error: String(result.stack) } : { log: result.logs, metrics: result.metrics }
  for (const [extension, text] of Object.entries(files)) writeFileSync(`${path}.${extension}`, text)
}

// The experiments under way end and clean up after themselves.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => queue.splice(0))
await Promise.all(Array.from({ length: parallel }, work))

const tables = `${outcomeTable(series)}\n${rowTable(series)}`
if (values.output === undefined) console.log(tables)
else writeFileSync(values.output, tables)

const accepted = (result: Experiment | Error) =>
  !(result instanceof Error) && (result.verdict === 'right' || result.verdict === 'unknown')
process.exitCode = series.every(({ experiments }) => experiments.length === repeat && experiments.every(accepted)) ? 0 : 1
