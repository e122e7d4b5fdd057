import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { dashboard } from './dashboard.ts'

const SCHEMA = resolve('node_modules/@grafana/schema/dist/esm/raw')
const options = (panel: string, name: string) => `${SCHEMA}/composable/${panel}/panelcfg/x/${name}PanelCfg_types.gen`

/** A value is right if TypeScript accepts it as Grafana's own types, in which Grafana fills in what is missing. */
const program = (value: unknown) => `
import type { Dashboard, FieldConfig, FieldConfigSource, Panel, RowPanel, VariableModel, AnnotationQuery } from '${SCHEMA}/dashboard/x/dashboard_types.gen'
import type * as timeseries from '${options('timeseries', 'TimeSeries')}'
import type * as stat from '${options('stat', 'Stat')}'
import type * as heatmap from '${options('heatmap', 'Heatmap')}'

/** The values of enumerations instead of their names. */
type Values<T> = T extends string ? \`\${T}\`
  : T extends boolean | number | null | undefined ? T
  : T extends readonly (infer Item)[] ? Values<Item>[]
  : T extends object ? { [Key in keyof T]?: Values<T[Key]> }
  : T

interface Target {
  refId: string
  expr: string
  datasource: { type: 'prometheus'; uid: string }
  legendFormat?: string
  format?: 'time_series' | 'table' | 'heatmap'
  instant?: boolean
  range?: boolean
}

type Fields<Custom> = Omit<Values<FieldConfigSource>, 'defaults'> & {
  defaults: Omit<Values<FieldConfig>, 'custom'> & { custom?: Values<Custom> }
}

type PanelOf<Type, Options, Custom> = Omit<Values<Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Type
  options: Values<Options>
  fieldConfig: Fields<Custom>
  targets: Target[]
}

type AnyPanel =
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, Record<string, never>>
  | PanelOf<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | (Omit<Values<RowPanel>, 'panels'> & { panels: [] })

/** Both have properties of the data source, which these types leave out. */
type Variable = Values<VariableModel> & { definition?: string }
type Annotation = Values<AnnotationQuery> & { expr: string; step: string; titleFormat: string; textFormat: string }

export const dashboard: Omit<Values<Dashboard>, 'panels' | 'templating' | 'annotations'> & {
  panels: AnyPanel[]
  templating: { list: Variable[] }
  annotations: { list: Annotation[] }
} = ${JSON.stringify(value)}
`

/** What TypeScript finds wrong. */
async function problems(value: unknown): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nihao-dashboard-'))
  try {
    writeFileSync(join(folder, 'dashboard.ts'), program(value))
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler']
    await promisify(execFile)(resolve('node_modules/.bin/tsc'), [...options, 'dashboard.ts'], { cwd: folder })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the dashboard has the types of the Grafana that Compose starts', async () => {
  expect(readFileSync('docker-compose.yml', 'utf8')).toContain(
    `image: grafana/grafana:${manifest.devDependencies['@grafana/schema']}\n`,
  )
  expect(await problems(dashboard)).toBe('')
})

test.each([
  ['an option that its panel does not have', { options: { drawStyle: 'line' } }],
  ['a value that its panel does not know', { fieldConfig: { defaults: { custom: { drawStyle: 'dotted' } }, overrides: [] } }],
  ['an unknown type of panel', { type: 'graph' }],
])('%s is found', async (_, change) => {
  const panels = dashboard.panels.map(panel => (panel.type === 'timeseries' ? { ...panel, ...change } : panel))
  expect(await problems({ ...dashboard, panels })).toContain('error TS2')
})
