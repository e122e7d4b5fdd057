import type { Experiment } from './experiment.ts'
import type { FaultCase } from './fault-case.ts'
import type { ProtocolName } from './laboratory.ts'
import { downMs } from './outcome.ts'
import type { KernelRow } from './witness.ts'

/** All experiments with one fault and one protocol; an error stands for one that could not be made. */
export interface Series {
  readonly fault: FaultCase
  readonly protocol: ProtocolName
  readonly experiments: readonly (Experiment | Error)[]
}

const HEADINGS = [
  'fault',
  'protocol',
  'true side',
  'told side',
  'evidence',
  'reason',
  'kind',
  'verdict',
  'true, ms',
  'told, ms',
  'at most, ms',
  'lost',
]

/** What the client said of each fault beside what happened, as a table in Markdown, and the number of verdicts. */
export function outcomeTable(series: readonly Series[]): string {
  return `${markdown(HEADINGS, series.map(outcomeCells))}\n${verdictCounts(series)}`
}

function outcomeCells({ fault, protocol, experiments }: Series): string[] {
  const made = experiments.filter((experiment): experiment is Experiment => !(experiment instanceof Error))
  const outages = made.flatMap(({ outcome }) => outcome.outages)
  const { sides } = { ...fault, ...fault.only?.[protocol] }
  return [
    fault.name,
    protocol,
    sides.join(' or '),
    counted(made.flatMap(sidesOf), experiments.length),
    counted(outages.map(({ evidence }) => evidence)),
    counted(outages.map(({ reason }) => reason)),
    counted(made.map(({ outcome: { kind, outages } }) => (outages.length > 1 ? `${outages.length} outages` : kind))),
    counted(experiments.map(verdictOf), experiments.length),
    range(made.flatMap(({ truth }) => (truth === undefined ? [] : [truth.leastMs, truth.mostMs]))),
    range(made.filter(({ outcome }) => outcome.kind === 'outage').map(({ outcome }) => downMs(outcome))),
    range(outages.map(({ atMostMs }) => atMostMs)),
    range(made.flatMap(({ outcome }) => outcome.failures ?? [])),
  ]
}

/** Each side that the outages of an experiment have. */
const sidesOf = ({ outcome: { outages } }: Experiment) => [...new Set(outages.map(({ side }) => side))]

const verdictOf = (experiment: Experiment | Error) => (experiment instanceof Error ? 'NOT MADE' : experiment.verdict)

/** A row of a case counts once, by its worst verdict; the experiments are counted one by one. */
function verdictCounts(series: readonly Series[]): string {
  const ranks = ['right', 'unknown']
  const worst = ({ experiments }: Series) => {
    const verdicts = experiments.map(verdictOf)
    return (
      verdicts.find(verdict => !ranks.includes(verdict)) ??
      (verdicts.includes('unknown') ? 'unknown' : (verdicts[0] ?? 'NOT MADE'))
    )
  }
  const rows = [...Map.groupBy(series, ({ protocol }) => protocol)].map(([protocol, ofProtocol]) => [
    protocol,
    counted(ofProtocol.map(worst)),
    counted(ofProtocol.flatMap(({ experiments }) => experiments.map(verdictOf))),
  ])
  return markdown(['protocol', 'cases, by their worst verdict', 'experiments'], rows)
}

const ROW_HEADINGS = [
  'fault',
  'protocol',
  'rows',
  'state',
  'tx_queue',
  'rx_queue',
  'timer',
  'retrnsmt',
  'probes',
  'rto, ms',
  'cwnd',
]

/** What the kernel said of the connections that the client closed, just before it closed them. */
export function rowTable(series: readonly Series[]): string {
  return markdown(ROW_HEADINGS, series.flatMap(rowCells))
}

function rowCells({ fault, protocol, experiments }: Series): string[][] {
  const rows = experiments.flatMap(experiment => (experiment instanceof Error ? [] : experiment.rows))
  const alike = Map.groupBy(rows, ({ state, timer, retransmits }) => `${state} ${timer} ${retransmits > 0}`)
  return [...alike.values()].map(group => {
    const of = (figure: (row: KernelRow) => number) => range(group.map(figure))
    const [{ state = '' } = {}] = group
    return [
      fault.name,
      protocol,
      `${group.length}`,
      state,
      of(row => row.sendQueueBytes),
      of(row => row.receiveQueueBytes),
      of(row => row.timer),
      of(row => row.retransmits),
      of(row => row.probes),
      of(row => row.rtoMs),
      of(row => row.congestionWindow),
    ]
  })
}

/** A table in Markdown. */
export function markdown(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return [headings, headings.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

/** Such as `path ×4, unknown`; with the number of experiments, `path 4/5, unknown 1/5`. */
function counted(words: readonly string[], experiments?: number): string {
  const alike = Map.groupBy(words, word => word)
  const times = (count: number) => (experiments === undefined ? (count > 1 ? ` ×${count}` : '') : ` ${count}/${experiments}`)
  return [...alike].map(([word, { length }]) => `${word}${times(length)}`).join(', ')
}

/** Such as `2950–3012`. */
function range(figures: readonly number[]): string {
  if (figures.length === 0) return ''
  const [least, most] = [Math.round(Math.min(...figures)), Math.round(Math.max(...figures))]
  return least === most ? `${least}` : `${least}–${most}`
}
