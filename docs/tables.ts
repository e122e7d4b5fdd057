import {
  type AnySettings,
  createLogger,
  createRegistry,
  environmentName,
  formatName,
  optionName,
  type Setting,
} from '@nihao/service'
import { registerDurations } from '../services/client/src/duration-metrics.ts'
import { registerCounts } from '../services/client/src/metrics.ts'
import { commonSettings } from '../services/client/src/settings/common.ts'
import { modes } from '../services/client/src/settings.ts'
import { registerMetrics } from '../services/server/src/metrics.ts'
import { Server } from '../services/server/src/server.ts'
import { readConfig as readServerConfig, settings as serverSettings } from '../services/server/src/settings.ts'

const cell = (text: string) => text.replaceAll('|', '\\|')
const row = (...cells: string[]) => `| ${cells.map(cell).join(' | ')} |`
const table = (columns: string[], rows: string[]) => [row(...columns), row(...columns.map(() => '---')), ...rows].join('\n')

const settingsTable = (settings: AnySettings) =>
  table(['Variable', 'URL option', 'Default', 'Format', 'Meaning'], Object.entries(settings).map(settingRow))

function settingRow([name, { doc, format, default: value, perEndpoint }]: [string, Setting<unknown>]): string {
  return row(
    perEndpoint === 'only' ? '' : `\`${environmentName(name)}\``,
    perEndpoint ? `\`${optionName(name)}\`` : '',
    value === '' ? '' : `\`${value}\``,
    formatName(format),
    doc,
  )
}

/** The settings of a mode except the common ones. */
const ownSettings = (settings: AnySettings) =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !(name in commonSettings)))

/** All named formats with their valid values. */
function formatsTable(tables: readonly AnySettings[]): string {
  const formats = tables.flatMap(settings => Object.values(settings).map(({ format }) => format))
  const valid = new Map(formats.map(({ name, valid }) => [name, valid.replace(/, or empty$/, '')]))
  valid.delete(undefined)
  const rows = [...valid].sort(([a = ''], [b = '']) => (a < b ? -1 : 1)).map(([name = '', valid]) => row(name, valid))
  return table(['Format', 'Valid values'], rows)
}

/** The metrics of both services, except those of prom-client (`process_*`, `nodejs_*`). */
async function metricsTable(prefix: RegExp): Promise<string> {
  const logger = createLogger('', 'silent')
  const registry = createRegistry('', '', logger)
  registerMetrics(registry, new Server(readServerConfig({ env: {}, args: [] }), '', logger))
  registerDurations(registry)
  registerCounts(registry, [])
  const rows = registry
    .getMetricsAsArray()
    .filter(({ name }) => prefix.test(name))
    .map(metric => {
      const { labelNames } = metric as unknown as { labelNames: string[] }
      return row(`\`${metric.name}\``, String(metric.type), labelNames.map(label => `\`${label}\``).join(' '), metric.help)
    })
  return table(['Metric', 'Type', 'Labels', 'Meaning'], rows)
}

/** The generated parts of the documents by name: the text between `<!-- name -->` and `<!-- end -->`. */
export async function generatedParts(): Promise<ReadonlyMap<string, string>> {
  const { probe, load, check, idle } = modes
  return new Map([
    ['formats', formatsTable([serverSettings, ...Object.values(modes).map(({ settings }) => settings)])],
    ['server settings', settingsTable(serverSettings)],
    ['client settings', settingsTable(commonSettings)],
    ['probe settings', settingsTable(ownSettings(probe.settings))],
    ['load settings', settingsTable(ownSettings(load.settings))],
    ['check settings', settingsTable(ownSettings(check.settings))],
    ['idle settings', settingsTable(ownSettings(idle.settings))],
    ['server metrics', await metricsTable(/^tcp_server_/)],
    ['client metrics', await metricsTable(/^tcp_client_/)],
    ['common metrics', await metricsTable(/^(nihao|tcp_netns)_/)],
  ])
}

const PART = /(<!-- ([a-z ]+) -->\n)[\s\S]*?(<!-- end -->)/g

/** The names of the parts in a document. */
export const partsIn = (text: string): string[] => [...text.matchAll(PART)].map(([, , name = '']) => name)

/** Replaces every generated part of a document. */
export function render(text: string, parts: ReadonlyMap<string, string>): string {
  return text.replace(PART, (_, begin: string, name: string, end: string) => {
    const part = parts.get(name)
    if (part === undefined) throw new Error(`unknown part "${name}": must be one of ${[...parts.keys()].join(', ')}`)
    return `${begin}\n${part}\n\n${end}`
  })
}
