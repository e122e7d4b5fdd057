import { expect, test } from '@jest/globals'
import { linePlot } from './line-plot.ts'
import { smokePlot } from './smoke-plot.ts'

const none = Array<number>(15).fill(Number.NaN)
const window = { startMs: Number.NaN, stepMs: 1_000 }

test('a process that has no history yet has plots without data', () => {
  const lines = [{ mark: 'line', label: 'opened', values: none }]
  const plot = linePlot({ ...window, title: 'Connections', kind: 'count', lines, time: 'Time', format: String })
  expect(plot.text).toContain('<td>–</td><td>–</td>')
  const words = { title: '', band: '', median: '', outage: '', handover: '', failures: '', time: '' }
  const columns = { p1Ms: none, p50Ms: none, p99Ms: none, outage: none, handovers: none, failures: none }
  expect(smokePlot({ ...window, columns }, words).text).toContain('<path class="line" d=""/>')
})
