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
  'verdict',
  'kind',
  'side',
  'evidence',
  'reason',
  'client, ms',
  'truth, ms',
  'at most, ms',
  'lost',
]

/** What the client said of each fault beside what happened, as a table in Markdown. */
export function outcomeTable(series: readonly Series[]): string {
  return markdown(HEADINGS, series.map(outcomeCells))
}

function outcomeCells({ fault, protocol, experiments }: Series): string[] {
  const made = experiments.filter((experiment): experiment is Experiment => !(experiment instanceof Error))
  const notMade = experiments.length - made.length
  const outages = made.flatMap(({ outcome }) => outcome.outages)
  return [
    fault.name,
    protocol,
    counted([...made.map(({ verdict }) => verdict), ...new Array<string>(notMade).fill('NOT MADE')]),
    counted(made.map(({ outcome: { kind, outages } }) => (outages.length > 1 ? `${outages.length} outages` : kind))),
    counted(outages.map(({ side }) => side)),
    counted(outages.map(({ evidence }) => evidence)),
    counted(outages.map(({ reason }) => reason)),
    range(made.filter(({ outcome }) => outcome.kind === 'outage').map(({ outcome }) => downMs(outcome))),
    range(made.flatMap(({ trueMs }) => (trueMs === undefined ? [] : [trueMs]))),
    range(outages.map(({ atMostMs }) => atMostMs)),
    range(made.flatMap(({ outcome }) => outcome.failures ?? [])),
  ]
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

/** Such as `path ×4, unknown`. */
function counted(words: readonly string[]): string {
  const alike = Map.groupBy(words, word => word)
  return [...alike].map(([word, { length }]) => (length > 1 ? `${word} ×${length}` : word)).join(', ')
}

/** Such as `2950–3012`. */
function range(figures: readonly number[]): string {
  if (figures.length === 0) return ''
  const [least, most] = [Math.round(Math.min(...figures)), Math.round(Math.max(...figures))]
  return least === most ? `${least}` : `${least}–${most}`
}
