import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { testWith } from '../process/support/tool.ts'
import { dashboard, type Panel, queries } from './dashboard.ts'

const variables = dashboard.templating.list
const panels = dashboard.panels.filter(({ type }) => type !== 'row')

test('the variables are the data source, job, target and listener, and every query uses only these', () => {
  expect(variables.map(({ name }) => name)).toEqual(['datasource', 'job', 'target', 'listener'])
  const used = queries.flatMap(({ expr }) => [...expr.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name))
  expect([...new Set(used)].sort()).toEqual(['__rate_interval', 'job', 'listener', 'target'])
})

test('each panel has a title of its own, a description, and queries to the chosen data source', () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
  for (const { title, description, targets = [] } of panels) {
    expect([title, description]).toEqual([title, expect.stringMatching(/\.$/)])
    expect(targets.length).toBeGreaterThan(0)
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    for (const { datasource } of targets) expect(datasource.uid).toBe('${' + 'datasource}')
  }
})

const overlap = ({ gridPos: a }: Panel, { gridPos: b }: Panel) =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

test('panels fill the width of 24 columns and do not overlap', () => {
  const overlapping = dashboard.panels.flatMap((panel, index) =>
    dashboard.panels.slice(index + 1).flatMap(other => (overlap(panel, other) ? [[panel.title, other.title]] : [])),
  )
  expect(overlapping).toEqual([])
  const widths = new Map<number, number>()
  for (const { gridPos } of dashboard.panels) widths.set(gridPos.y, (widths.get(gridPos.y) ?? 0) + gridPos.w)
  expect([...widths].filter(([, width]) => width !== 24)).toEqual([])
})

testWith('promtool', 'Prometheus can parse every query', async () => {
  const expressions = [...queries.map(({ filledIn }) => filledIn), ...dashboard.annotations.list.map(({ expr }) => expr)]
  // A union of all of them is one expression: an invalid one cannot hide, because each is in parentheses.
  const union = expressions.map(expr => `(${expr})`).join(' or ')
  await promisify(execFile)('promtool', ['--experimental', 'promql', 'format', union])
  for (const expr of expressions) expect(expr.split('(').length).toBe(expr.split(')').length)
})

interface Compose {
  readonly services: {
    readonly grafana: { image: string; ports: string[]; volumes: string[]; environment: object; profiles: string[] }
  }
}

test('Compose provisions Grafana with the data source and the dashboard, for viewers on this machine only', () => {
  const { grafana } = (parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as Compose).services
  expect(grafana.image).toMatch(/^grafana\/grafana:\d+\.\d+\.\d+$/)
  expect(grafana.profiles).toEqual(['dashboards'])
  expect(grafana.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)])
  expect(grafana.environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_AUTH_BASIC_ENABLED: 'false',
    GF_AUTH_DISABLE_LOGIN_FORM: 'true',
  })

  const mounted = new Map(grafana.volumes.map(volume => [volume.split(':')[1], volume.split(':')[0] ?? '']))
  const file = (path: string) => parse(readFileSync(mounted.get(path) ?? '', 'utf8'))
  expect(file('/etc/grafana/provisioning/datasources/nihao.yml')).toMatchObject({
    apiVersion: 1,
    datasources: [{ type: 'prometheus', access: 'proxy', url: 'http://prometheus:9090', isDefault: true }],
  })
  const { apiVersion, providers } = file('/etc/grafana/provisioning/dashboards/nihao.yml')
  expect([apiVersion, providers[0].type]).toEqual([1, 'file'])
  expect(file(`${providers[0].options.path}/nihao.json`)).toEqual(dashboard)
})
