import { createLogger, createRegistry, environmentName, type Settings } from '@nihao/service'
import { registerCounts, registerDurations } from '../services/client/src/metrics.ts'
import { settings as clientSettings } from '../services/client/src/settings.ts'
import { registerMetrics } from '../services/server/src/metrics.ts'
import { Server } from '../services/server/src/server.ts'
import { readConfig as readServerConfig, settings as serverSettings } from '../services/server/src/settings.ts'

const cell = (text: string) => text.replaceAll('|', '\\|')
const row = (...cells: string[]) => `| ${cells.map(cell).join(' | ')} |`

function settingsTable(settings: Settings): string {
  const rows = Object.entries(settings).map(([name, { doc, format, default: value, perEndpoint }]) =>
    row(
      `\`${environmentName(name)}\``,
      value === '' ? '' : `\`${value}\``,
      perEndpoint ? 'yes' : '',
      format.valid.startsWith('a text') ? doc : `${doc} ${sentence(format.valid)}`,
    ),
  )
  return [row('Variable', 'Default', 'URL option', 'Meaning'), row('---', '---', '---', '---'), ...rows].join('\n')
}

const sentence = (text: string) => `${text[0]?.toUpperCase()}${text.slice(1)}.`

/** The metrics of both services; what prom-client adds by itself (`process_*`, `nodejs_*`) is documented there. */
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
  return [row('Metric', 'Type', 'Labels', 'Meaning'), row('---', '---', '---', '---'), ...rows].join('\n')
}

/** Gives the text with every generated part as the code has it now. */
export async function render(text: string): Promise<string> {
  const parts = {
    'server settings': settingsTable(serverSettings),
    'client settings': settingsTable(clientSettings),
    'server metrics': await metricsTable(/^tcp_server_/),
    'client metrics': await metricsTable(/^tcp_client_/),
    'common metrics': await metricsTable(/^(nihao|tcp_netns)_/),
  }
  let rendered = text
  for (const [name, part] of Object.entries(parts)) {
    const pattern = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`)
    if (!pattern.test(rendered)) throw new Error(`no place for: ${name}`)
    rendered = rendered.replace(pattern, (_, begin, end) => `${begin}\n${part}\n\n${end}`)
  }
  return rendered
}
