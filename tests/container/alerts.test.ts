import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { stringify } from 'yaml'
import { queries } from '../monitoring/dashboard.ts'
import { hastened } from '../monitoring/rules.ts'
import { until } from '../process/support/until.ts'
import { describeWithDocker } from './docker.ts'
import { type Service, Stage } from './support/service.ts'

/** An hour in 15 s: NihaoAbsent fires after half a second. */
const HASTE = 240

/** They depend on how busy the machine is that runs the tests. */
const OF_THIS_MACHINE = ['NihaoLatencyHigh', 'NihaoProberLags', 'NihaoRetransmissions']

/** Panels that are empty while nothing is wrong, and why. */
const emptyInHealth: Record<string, string> = {
  'Outages by reason A': 'no outages',
  'Failures by reason A': 'no failures',
  'Failed connection attempts A': 'no failures',
  'Reconnects and handovers A': 'no reconnects',
  'Rejections A': 'no rejections',
  'Rejections B': 'no TLS',
  'Closed connections A': 'no connection has ended',
}

type Series = { readonly metric: Record<string, string>; readonly value: [number, string] }

describeWithDocker('Prometheus with the rules as shipped, only faster', () => {
  const stage = new Stage()
  let server: Service
  let prometheus: StartedTestContainer

  beforeAll(async () => {
    server = await stage.server()
    await stage.client('greet://server:1234?interval=100ms probe://server:7000?interval=100ms')
    const job = (name: string, port: number) => ({
      job_name: `nihao-${name}`,
      static_configs: [{ targets: [`${name}:${port}`] }],
    })
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: [job('server', 9464), job('client', 9465)],
    }
    prometheus = await stage.other(
      new GenericContainer('prom/prometheus:v2.53.3')
        .withCopyContentToContainer([
          { content: stringify(config), target: '/etc/prometheus/prometheus.yml' },
          { content: stringify(hastened(HASTE)), target: '/etc/prometheus/rules.yml' },
        ])
        .withExposedPorts(9090)
        .withWaitStrategy(Wait.forHttp('/-/ready', 9090)),
    )
  }, 60_000)
  afterAll(() => stage.remove())

  async function api<Data>(path: string): Promise<Data> {
    const response = await fetch(`http://${prometheus.getHost()}:${prometheus.getMappedPort(9090)}/api/v1/${path}`)
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: Data }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }

  const query = async (expression: string) =>
    (await api<{ result: Series[] }>(`query?query=${encodeURIComponent(expression)}`)).result

  /** The names of all alerts that have fired in the last 15 s: before that, Prometheus had not scraped anything yet. */
  async function fired(): Promise<string[]> {
    const names = (await query('count by (alertname) (last_over_time(ALERTS{alertstate="firing"}[15s]))')).map(
      ({ metric: { alertname = '' } }) => alertname,
    )
    return names.filter(name => !OF_THIS_MACHINE.includes(name)).sort()
  }

  test('every query of the dashboard returns something, or nothing for a reason, and no alert fires in health', async () => {
    // From then on, a target counts as watched for long enough.
    await until(
      'a success ratio 20 s ago',
      async () => {
        const [watched] = await query('count(target:tcp_client_exchange_success:ratio_rate5m offset 20s)')
        return watched?.value[1] === '2'
      },
      60_000,
    )

    const results = await Promise.all(queries.map(async ({ filledIn }) => (await query(filledIn)).length))
    const empty = queries.filter(({ panel, refId }, index) => results[index] === 0 && !(`${panel} ${refId}` in emptyInHealth))
    expect(empty.map(({ panel, expr }) => [panel, expr])).toEqual([])
    expect(await fired()).toEqual([])
  }, 90_000)

  test('a killed server fires the alerts of that fault, and no other', async () => {
    await server.docker('kill')
    const ofThisFault = ['NihaoAbsent', 'NihaoErrorBudgetFastBurn', 'NihaoTargetDown']
    await until('its alerts', async () => (await fired()).length >= ofThisFault.length, 60_000)
    // By then, any other that this fault fires has had the time to.
    await until(
      '20 failed scrapes',
      async () => (await query('count_over_time((up{job="nihao-server"} == 0)[1h:1s]) > 20')).length > 0,
    )
    expect(await fired()).toEqual(ofThisFault)

    const { alerts } = await api<{ alerts: { annotations: Record<string, string> }[] }>('alerts')
    const texts = alerts.flatMap(({ annotations }) => Object.values(annotations))
    expect(texts.filter(text => /error expanding|<no value>|<error/.test(text))).toEqual([])
  }, 120_000)
})
