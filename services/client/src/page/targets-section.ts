import type { Span } from '@nihao/service'
import {
  choices,
  conditionCell,
  duration,
  html,
  integer,
  type Language,
  linkTo,
  milliseconds,
  section,
  strip,
  table,
  textFilter,
} from '@nihao/service/page'
import type { TargetHistory } from '../records.ts'
import { CONDITIONS, stripOf, type TargetView, targetStates } from './target-view.ts'
import type { ClientWords } from './words.ts'

export const targetSorts = ['state', 'name', 'p50', 'p99', 'last', 'outages'] as const
export type TargetSort = (typeof targetSorts)[number]

export interface TargetsView {
  readonly views: readonly TargetView[]
  readonly history: TargetHistory
  readonly query: URLSearchParams
  readonly span: Span
  readonly sort: TargetSort
  readonly state: 'all' | TargetView['state']
  readonly filter: string
  readonly rows: number
  readonly words: ClientWords
  readonly language: Language
}

/** All targets, the failing ones first. Drawing thousands of them would take longer than an update: the first ones are shown. */
export function targetsSection(view: TargetsView) {
  const { views, query, sort, state, filter, rows, words } = view
  const text = filter.toLowerCase()
  const matching = views.filter(
    ({ label, state: own }) => (state === 'all' || own === state) && label.toLowerCase().includes(text),
  )
  const shown = matching.toSorted(ORDERS[sort]).slice(0, rows)
  const states = ['all', ...targetStates] as const
  const present = states.filter(value => value === 'all' || value === state || views.some(({ state }) => state === value))
  const controls = [
    shown.length < views.length &&
      html`<span class="note">${words.shown(shown.length, views.length)}${
        shown.length < matching.length && html` · <a data-stay href="${linkTo(query, { rows: '10000' })}">${words.showAll}</a>`
      }</span>`,
    present.length > 2 &&
      choices(query, {
        parameter: 'state',
        label: words.state,
        options: present.map(value => ({ value, label: value === 'all' ? words.all : words.states[value] })),
      }),
    spanChoices(query, words),
    textFilter(query, 'filter', words.filter),
  ]
  return section(
    words.targets,
    controls,
    shown.length === 0 ? html`<p class="note">${words.none}</p>` : targetsTable(shown, view),
  )
}

export const spanChoices = (query: URLSearchParams, words: ClientWords) =>
  choices(query, {
    parameter: 'span',
    label: words.span,
    options: (['15m', '1h', '24h'] as const).map(value => ({ value, label: words.spans[value] })),
  })

function targetsTable(rows: readonly TargetView[], { history, query, span, sort, words, language }: TargetsView) {
  const nowMs = Date.now()
  const stripCell = ({ label }: TargetView) => {
    const cells = stripOf(label, history, span)
    return strip(cells, words.strip(cells.filter(({ failed }) => failed > 0).length, cells.length))
  }
  const lastSuccess = ({ lastSuccessMs }: TargetView) =>
    lastSuccessMs === 0 ? '–' : words.ago(duration(nowMs - lastSuccessMs, language))
  return table<TargetView>({
    caption: words.targets,
    stack: true,
    rows,
    key: ({ label }) => label,
    sorting: { query, parameter: 'sort', current: sort, default: 'state' },
    columns: [
      {
        label: words.state,
        style: 'fixed',
        sort: 'state',
        cell: ({ state, reason }) => [
          conditionCell(CONDITIONS[state], words.states[state]),
          state === 'failing' && html` <span class="muted">${reason}</span>`,
        ],
      },
      {
        label: words.target,
        style: 'name',
        sort: 'name',
        heading: true,
        cell: ({ label }) => html`<a href="${linkTo(new URLSearchParams(), { target: label })}">${label}</a>`,
      },
      { label: words.spans[span], style: 'lines', cell: stripCell },
      { label: 'p50', style: 'number', sort: 'p50', cell: ({ p50Ms }) => milliseconds(p50Ms) },
      { label: 'p99', style: 'number', sort: 'p99', cell: ({ p99Ms }) => milliseconds(p99Ms) },
      { label: words.outages, style: 'number', sort: 'outages', cell: view => integer(outagesOf(view)) },
      { label: words.lastSuccess, style: 'number', sort: 'last', cell: lastSuccess },
    ],
  })
}

const outagesOf = ({ target }: TargetView) => target.counters.outagesBegan()
const byName = (one: TargetView, other: TargetView) => (one.label < other.label ? -1 : 1)
/** Those without a figure come last. */
const descending = (figure: (view: TargetView) => number) => (one: TargetView, other: TargetView) => {
  const [a, b] = [figure(one), figure(other)].map(value => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value))
  return (b ?? 0) - (a ?? 0) || byName(one, other)
}

const ORDERS: Readonly<Record<TargetSort, (one: TargetView, other: TargetView) => number>> = {
  state: (one, other) => targetStates.indexOf(one.state) - targetStates.indexOf(other.state) || byName(one, other),
  name: byName,
  p50: descending(({ p50Ms }) => p50Ms),
  p99: descending(({ p99Ms }) => p99Ms),
  outages: descending(outagesOf),
  // The longest ago first.
  last: descending(({ lastSuccessMs }) => -lastSuccessMs),
}
