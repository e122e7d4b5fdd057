import { expect, test } from '@jest/globals'
import { page } from '../docs/pages.ts'
import { dashboard, queries } from './dashboard.ts'
import { recorded, rules } from './rules.ts'

/** In use before docs/metrics.md lists them, with the part of the program that will add them. Empty once those are there. */
/** Prometheus's own, and those of prom-client. */
const foreign = new Set([
  'up',
  'ALERTS',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'nodejs_eventloop_lag_p99_seconds',
])

const documented = new Map(
  [...page('docs/metrics.md').matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \|/gm)].map(([, name = '', type]) => [
    name,
    type,
  ]),
)

/** Names of metrics in a query: what is neither a function nor a label, in front of a selector, a range, an operator or the end. */
function metricsIn(query: string): string[] {
  const bare = query
    .replaceAll(/"[^"]*"|'[^']*'/g, '""')
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  const keywords = new Set(['and', 'or', 'unless', 'offset', 'bool', 'group_left', 'group_right', 'Inf', 'NaN'])
  return [...bare.matchAll(/(?<![\w:.$])([a-zA-Z_][\w:]*)(?!\w)(?!\s*\()/g)].flatMap(([, name = '']) =>
    keywords.has(name) ? [] : name,
  )
}

function exists(name: string): boolean {
  if (foreign.has(name) || recorded.includes(name) || documented.has(name)) return true
  const [, histogram = ''] = /^(\w+)_(?:bucket|sum|count)$/.exec(name) ?? []
  return documented.get(histogram) === 'histogram'
}

test('the metrics of a query are told from its functions, labels and units', () => {
  const query =
    'sum by (job, le) (rate(some_total{reason="x_total"}[5m])) / on (job) group_left other:rate5m offset 1h > bool 0 and up'
  expect(metricsIn(query)).toEqual(['some_total', 'other:rate5m', 'up'])
})

const expressions = [
  ...rules.map(({ record, alert, expr }) => [record ?? alert, expr]),
  ...queries.map(({ panel, refId, expr }) => [`query ${refId} of "${panel}"`, expr]),
  ...dashboard.templating.list.map(({ name, query }) => [
    `variable ${name}`,
    typeof query === 'string' ? '' : labelled(query.query),
  ]),
]

/** The metric of `label_values(metric, label)`. */
function labelled(query: string): string {
  return /^label_values\((.+), \w+\)$/.exec(query)?.[1] ?? query
}

test.each(expressions)('the metrics in %s exist', (_, expr = '') => {
  const names = metricsIn(expr).filter(name => name !== 'vector')
  expect(names.filter(name => !exists(name))).toEqual([])
})
