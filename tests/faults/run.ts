// Causes each fault between a real server and a real client, and compares what the client says of it with what happened.
// Usage: node tests/faults/run.ts [--cases PATTERN] [--protocol probe|echo] [--repeat N] [--parallel N] [--output FILE]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import { type Experiment, experiment } from './experiment.ts'
import type { ProtocolName } from './laboratory.ts'
import { removeAbandonedNetworks } from './network.ts'
import { outcomeTable, rowTable } from './table.ts'
import { missingTools } from './tools.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '' },
    protocol: { type: 'string' },
    repeat: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '4' },
    output: { type: 'string' },
  },
})

const missing = await missingTools()
if (missing.length > 0) {
  console.error(missing.join('\n'))
  process.exit(2)
}
await removeAbandonedNetworks()

const pattern = new RegExp(values.cases, 'i')
const protocols = (values.protocol?.split(',') ?? ['probe', 'echo']) as ProtocolName[]
const series = cases
  .filter(({ name }) => pattern.test(name))
  .flatMap(fault => protocols.map(protocol => ({ fault, protocol, experiments: [] as (Experiment | Error)[] })))
const runs = Array.from({ length: Number(values.repeat) }, () => series).flat()

async function work(): Promise<void> {
  for (let next = runs.shift(); next !== undefined; next = runs.shift()) {
    const { fault, protocol, experiments } = next
    const result = await experiment(fault, protocol).catch((error: Error) => error)
    experiments.push(result)
    console.error(`${fault.name}, ${protocol}: ${result instanceof Error ? result.message : result.verdict}`)
  }
}

// The experiments under way end and clean up after themselves.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => runs.splice(0))
await Promise.all(Array.from({ length: Number(values.parallel) }, work))

const tables = `${outcomeTable(series)}\n${rowTable(series)}`
if (values.output === undefined) console.log(tables)
else writeFileSync(values.output, tables)
process.exitCode = series.every(({ experiments }) => experiments.every(accepted)) ? 0 : 1

function accepted(result: Experiment | Error): boolean {
  return !(result instanceof Error) && (result.verdict === 'right' || result.verdict === 'unknown')
}
