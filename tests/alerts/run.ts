// Causes each fault between a real server and a real client, and shows which alerts fire.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { markdown } from '../faults/table.ts'
import { filledIn, queries } from '../monitoring/dashboard.ts'
import { experiment, jobOf, type Outcome } from './experiment.ts'
import { faults } from './faults.ts'
import { docker, interrupted } from './laboratory.ts'
import type { Prometheus } from './prometheus.ts'

const USAGE = `usage: npm run test:alerts -- [--fault PATTERN] [--health 5m] [--parallel N] [--haste N] [--output FILE]
  --fault   regular expression for the names of the faults; default: all
  --health  minimum time during which no alert may fire for the pair without a fault; default: 5m
  --parallel  faults at a time, each with two containers of its own; default: 6
  --haste   divisor of all durations in the rules; default: 60
  --output  file for the tables, in Markdown; default: stdout`

function usage(problem: string): never {
  console.error(`${problem}\n${USAGE}`)
  process.exit(2)
}

function readArguments() {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ options: { fault: text, health: text, parallel: text, haste: text, output: text } }).values
  } catch (error) {
    usage((error as Error).message)
  }
}

const { fault: pattern = '', health = '5m', parallel = '6', haste = '60', output } = readArguments()
const chosen = faults.filter(({ name }) => new RegExp(pattern).test(name))
if (chosen.length === 0) usage(`--fault: no fault matches ${pattern}`)
const [, minutes] = /^(\d+)m$/.exec(health) ?? usage(`--health: not a number of minutes such as 5m: ${health}`)
for (const [name, value] of Object.entries({ parallel, haste })) {
  if (!/^[1-9]\d{0,2}$/.test(value)) usage(`--${name}: not a number from 1 to 999: ${value}`)
}

const build = (service: string) => docker('build', '--quiet', '--file', `Dockerfile.${service}`, '.')
const images = { server: await build('server'), client: await build('client') }

/** Series and samples that each query of the dashboard returns: for the pair without a fault, and for all faults together. */
const counts = queries.map(() => ({ health: { series: 0, samples: 0 }, faults: { series: 0, samples: 0 } }))
const countFor = (part: 'health' | 'faults', job: string) => async (prometheus: Prometheus) => {
  for (const [index, { expr }] of queries.entries()) {
    const { series, samples } = await prometheus.count(filledIn(expr, job))
    const count = counts[index]?.[part]
    if (count === undefined) continue
    count.series += series
    count.samples += samples
  }
}

const outcomes: Outcome[] = []
const ended = interrupted()
while (outcomes.length < chosen.length) {
  const batch = chosen.slice(outcomes.length, outcomes.length + Number(parallel))
  const healthy = batch.some(({ name }) => name === 'health')
  const options = {
    images,
    interrupted: ended,
    divisor: Number(haste),
    finished: countFor('faults', '.*'),
    ...(healthy && { healthMs: Number(minutes) * 60_000, healthy: countFor('health', jobOf({ name: 'health' })) }),
    report: (progress: string) => console.error(`${new Date().toISOString()} ${progress}`),
  }
  outcomes.push(...(await experiment(batch, options)))
}

const asExpected = ({ fault, fired }: Outcome) => fired.join() === [...fault.alerts].sort().join()
const alertRow = (outcome: Outcome) => [
  outcome.fault.name,
  outcome.fault.description,
  outcome.fired.join(', ') || 'none',
  asExpected(outcome) ? 'right' : `EXPECTED ${outcome.fault.alerts.join(', ') || 'none'}`,
]
const text = [
  markdown(['Fault', 'What happens', 'Alerts that fired', 'Verdict'], outcomes.map(alertRow)),
  markdown(
    ['Query of the dashboard', 'Series without faults', 'Samples', 'Series with faults', 'Samples', 'Expression'],
    queries.map(({ panel, refId, expr }, index) => {
      const { health, faults } = counts[index] as (typeof counts)[number]
      const numbers = [health.series, health.samples, faults.series, faults.samples].map(String)
      return [`${panel}, ${refId}`, ...numbers, `\`${expr.replaceAll('|', '\\|')}\``]
    }),
  ),
].join('\n')
if (output === undefined) console.log(text)
else writeFileSync(output, text)
process.exitCode = outcomes.every(asExpected) ? 0 : 1
